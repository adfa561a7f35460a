"""The rules of Go on a 19x19 board, without ko: groups, liberties, captures, and random play by them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

SIZE = 19
NUM_POINTS = SIZE * SIZE
EMPTY, BLACK, WHITE = 0, 1, -1


def _list_neighbours(point: int) -> tuple[int, ...]:
    row, column = divmod(point, SIZE)
    places = ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1))
    return tuple(r * SIZE + c for r, c in places if 0 <= r < SIZE and 0 <= c < SIZE)


NEIGHBOURS = tuple(_list_neighbours(point) for point in range(NUM_POINTS))


@dataclass(frozen=True)
class Group:
    """Stones of one colour that hang together, and the empty points beside them."""

    stones: frozenset[int]
    liberties: frozenset[int]

    @property
    def is_in_atari(self) -> bool:
        """Whether one move more takes it."""
        return len(self.liberties) == 1


@dataclass(frozen=True)
class Effect:
    """What a move would do: stones taken, and the group that the new stone is part of then."""

    captured: frozenset[int]
    group: Group

    @property
    def is_legal(self) -> bool:
        """Whether it is no suicide."""
        return bool(self.group.liberties)


@dataclass
class Board:
    """Colours of the points, row by row, and the number of the move that put each stone there."""

    colours: list[int] = field(default_factory=lambda: [EMPTY] * NUM_POINTS)
    moves: list[int] = field(default_factory=lambda: [0] * NUM_POINTS)
    num_moves: int = 0

    def find_group(self, point: int) -> Group:
        """The group of the stone at a point."""
        colour, stones, liberties, waiting = self.colours[point], {point}, set[int](), [point]
        while waiting:
            for beside in NEIGHBOURS[waiting.pop()]:
                if self.colours[beside] == EMPTY:
                    liberties.add(beside)
                elif self.colours[beside] == colour and beside not in stones:
                    stones.add(beside)
                    waiting.append(beside)
        return Group(frozenset(stones), frozenset(liberties))

    def find_groups(self) -> dict[int, Group]:
        """The group of every stone, by its point."""
        groups: dict[int, Group] = {}
        for point, colour in enumerate(self.colours):
            if colour != EMPTY and point not in groups:
                group = self.find_group(point)
                groups |= dict.fromkeys(group.stones, group)
        return groups

    def find_effect(self, point: int, colour: int, groups: dict[int, Group]) -> Effect:
        """What a stone on an empty point would do; `groups` are those of its neighbours at least."""
        stones, liberties, captured = {point}, set[int](), set[int]()
        for beside in NEIGHBOURS[point]:
            if self.colours[beside] == EMPTY:
                liberties.add(beside)
            elif self.colours[beside] == colour:
                stones |= groups[beside].stones
                liberties |= groups[beside].liberties
            elif groups[beside].is_in_atari:
                captured |= groups[beside].stones
        freed = {taken for taken in captured if any(beside in stones for beside in NEIGHBOURS[taken])}
        return Effect(frozenset(captured), Group(frozenset(stones), frozenset((liberties | freed) - {point})))

    def play(self, point: int, colour: int) -> bool:
        """Put a stone on an empty point and take what it captures; False, and nothing done, where it is suicide."""
        besides = [beside for beside in NEIGHBOURS[point] if self.colours[beside] != EMPTY]
        effect = self.find_effect(point, colour, {beside: self.find_group(beside) for beside in besides})
        if not effect.is_legal:
            return False
        self.num_moves += 1
        self.colours[point], self.moves[point] = colour, self.num_moves
        for taken in effect.captured:
            self.colours[taken] = EMPTY
        return True

    def is_eye(self, point: int, colour: int) -> bool:
        """Whether an empty point has stones of this colour only beside it."""
        return all(self.colours[beside] == colour for beside in NEIGHBOURS[point])


def play_randomly(board: Board, num_moves: int, colour: int, random: np.random.Generator) -> int:
    """Play moves by turns on random points, none into one's own eye; the colour whose turn it is then."""
    for point in random.integers(NUM_POINTS, size=num_moves):
        if board.colours[point] == EMPTY and not board.is_eye(point, colour) and board.play(int(point), colour):
            colour = -colour
    return colour
