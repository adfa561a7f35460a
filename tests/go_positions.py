"""Go positions as AlphaGo's policy network sees them, with the move that a rule names: what the network is to learn.

The rule is certain, so that 1.0 of the moves can be predicted.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.go_board import BLACK, EMPTY, NUM_POINTS, SIZE, Board, Group, play_randomly

NUM_PLANES = 48
# Planes of counts: one for each of 1 to 7, and one for 8 and more.
NUM_COUNTS = 8
# Where the planes of each kind begin (Silver et al. 2016, Extended Data Table 2). Ladders, which take reading ahead,
# stay zero, as the last plane does.
COLOURS, ONES, AGES, LIBERTIES, CAPTURES, SELF_ATARI, LIBERTIES_AFTER, SENSIBLE = 0, 3, 4, 12, 20, 28, 36, 46


@dataclass(frozen=True)
class Positions:
    """Planes uint8 (N, 19, 19, 48) of the player whose turn it is, the points (N,) that the rule plays, and the games.

    Rows of one game resemble each other: they belong into one split.
    """

    planes: np.ndarray
    points: np.ndarray
    games: np.ndarray


def name_point(point: int) -> str:
    """`row-column`, so that names in their order are points in theirs."""
    row, column = divmod(point, SIZE)
    return f"{row:02d}-{column:02d}"


def choose_move(board: Board, colour: int, groups: dict[int, Group]) -> int | None:
    """Capture the most stones; where none can be, save a group in atari by giving it more liberties than one.

    None where there is no such move, or several are alike.
    """
    in_atari = {point: group for point, group in groups.items() if group.is_in_atari}
    theirs, ours = (
        {liberty for point, group in in_atari.items() if board.colours[point] == owner for liberty in group.liberties}
        for owner in (-colour, colour)
    )
    if theirs:
        sizes = Counter({point: len(board.find_effect(point, colour, groups).captured) for point in theirs})
        (point, most), *others = sizes.most_common(2)
        return None if others and others[0][1] == most else point
    saving = [point for point in ours if len(board.find_effect(point, colour, groups).group.liberties) > 1]
    return saving[0] if len(saving) == 1 else None


def draw_planes(board: Board, colour: int, groups: dict[int, Group]) -> np.ndarray:
    """uint8 (19, 19, 48) as `colour` sees the board."""
    planes = np.zeros((NUM_POINTS, NUM_PLANES), np.uint8)
    for place, kind in enumerate((colour, -colour, EMPTY)):
        planes[:, COLOURS + place] = np.array(board.colours) == kind
    planes[:, ONES] = 1
    for point, group in groups.items():
        planes[point, AGES + _place(board.num_moves - board.moves[point] + 1)] = 1
        planes[point, LIBERTIES + _place(len(group.liberties))] = 1
    for point in (point for point, there in enumerate(board.colours) if there == EMPTY):
        effect = board.find_effect(point, colour, groups)
        if not effect.is_legal:
            continue
        if effect.captured:
            planes[point, CAPTURES + _place(len(effect.captured))] = 1
        if effect.group.is_in_atari:
            planes[point, SELF_ATARI + _place(len(effect.group.stones))] = 1
        planes[point, LIBERTIES_AFTER + _place(len(effect.group.liberties))] = 1
        planes[point, SENSIBLE] = not board.is_eye(point, colour)
    return planes.reshape(SIZE, SIZE, NUM_PLANES)


def _place(count: int) -> int:
    return min(count, NUM_COUNTS) - 1


def make_positions(num_per_point: int, seed: int = 0) -> Positions:
    """Positions of random games, as many for each of the 361 points, in random order.

    Each is turned and mirrored to the one of its eight forms whose point has the fewest positions so far.
    """
    random, num_games = np.random.default_rng(seed), 0
    found: dict[int, list[tuple[np.ndarray, int]]] = {point: [] for point in range(NUM_POINTS)}
    while min(map(len, found.values())) < num_per_point:
        for board, colour, groups, point in _play_game(random):
            turned, form = min(FORMS[point], key=lambda there: len(found[there[0]]))
            if len(found[turned]) < num_per_point:
                found[turned].append((_turn(draw_planes(board, colour, groups), form), num_games))
        num_games += 1
    order = random.permutation(NUM_POINTS * num_per_point)
    planes, games = zip(*(row for rows in found.values() for row in rows), strict=True)
    points = np.repeat(np.arange(NUM_POINTS), num_per_point)
    return Positions(np.stack(planes)[order], points[order], np.array(games)[order])


def _turn(board: np.ndarray, form: int) -> np.ndarray:
    """One of the eight forms of rows and columns."""
    return np.rot90(board[:, ::-1] if form >= 4 else board, form % 4)


def _list_forms() -> dict[int, list[tuple[int, int]]]:
    """Where each point goes to in each form, as (point, form)."""
    forms = [_turn(np.arange(NUM_POINTS).reshape(SIZE, SIZE), form).ravel().tolist() for form in range(8)]
    return {point: [(turned.index(point), form) for form, turned in enumerate(forms)] for point in range(NUM_POINTS)}


FORMS = _list_forms()


def _play_game(random: np.random.Generator) -> Iterator[tuple[Board, int, dict[int, Group], int]]:
    """Positions of one game in which the rule is certain: the board, whose turn it is, the groups and the move."""
    board, colour = Board(), BLACK
    for num_moves in (50, *[8] * 32):
        colour = play_randomly(board, num_moves, colour, random)
        groups = board.find_groups()
        point = choose_move(board, colour, groups)
        if point is not None:
            yield board, colour, groups, point


def write_positions(path: Path, num_per_point: int, seed: int = 0) -> Positions:
    """A Parquet file of `id`, `planes` (17,328 numbers: rows, columns, planes), `game` and `move`; what is in it."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    positions = make_positions(num_per_point, seed)
    rows = positions.planes.reshape(len(positions.planes), -1)
    offsets = np.arange(len(rows) + 1, dtype=np.int32) * rows.shape[1]
    columns = {
        "id": [f"{number:05d}" for number in range(len(rows))],
        "planes": pa.ListArray.from_arrays(offsets, rows.ravel().astype(np.float32)),
        "game": positions.games,
        "move": [name_point(point) for point in positions.points],
    }
    pq.write_table(pa.table(columns), path)
    return positions


if __name__ == "__main__":
    write_positions(Path(sys.argv[1]), int(sys.argv[2]))
