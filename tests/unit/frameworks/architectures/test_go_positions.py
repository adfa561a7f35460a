"""The Go positions that the policy network is tested with: rules, planes and moves worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tests.go_board import BLACK, EMPTY, NUM_POINTS, SIZE, WHITE, Board, play_randomly
from tests.go_positions import (
    AGES,
    CAPTURES,
    LIBERTIES,
    LIBERTIES_AFTER,
    NUM_PLANES,
    ONES,
    SELF_ATARI,
    SENSIBLE,
    choose_move,
    draw_planes,
    make_positions,
    name_point,
)


def set_up(*rows: str) -> Board:
    """A board whose upper left corner is drawn: X black, O white."""
    board = Board()
    for row, drawn in enumerate(rows):
        for column, stone in enumerate(drawn):
            board.colours[at(row, column)] = {".": EMPTY, "X": BLACK, "O": WHITE}[stone]
    return board


def at(row: int, column: int) -> int:
    return row * SIZE + column


def test_stones_without_a_liberty_are_taken() -> None:
    board = set_up(".OX", "XX.")
    assert board.play(at(0, 0), BLACK)
    assert board.colours[at(0, 1)] == EMPTY
    assert board.find_group(at(0, 0)).stones == {at(0, 0), at(1, 0), at(1, 1)}
    assert board.find_group(at(0, 0)).liberties == {at(0, 1), at(1, 2), at(2, 0), at(2, 1)}


def test_suicide_is_no_move_but_a_capture_may_look_like_one() -> None:
    assert not set_up(".X", "X.").play(at(0, 0), WHITE)
    board = set_up(".XO", "XO.", "O..")
    assert board.play(at(0, 0), WHITE), "it takes both stones"
    assert (board.colours[at(0, 1)], board.colours[at(1, 0)]) == (EMPTY, EMPTY)


def test_random_play_keeps_the_rules() -> None:
    board, random = Board(), np.random.default_rng(3)
    colour = BLACK
    for _ in range(40):
        colour = play_randomly(board, 10, colour, random)
        groups = board.find_groups()
        assert all(group.liberties for group in groups.values())
        assert groups.keys() == {point for point, stone in enumerate(board.colours) if stone != EMPTY}
    assert board.num_moves > len(groups), "stones were taken"


def test_the_largest_capture_comes_first_and_then_a_group_in_atari() -> None:
    capture = set_up("OOX", "XX.", "...", "OX.", "...", ".X.", "XOX", "...")
    capture.colours[at(0, 2)] = EMPTY
    assert choose_move(capture, BLACK, capture.find_groups()) == at(0, 2), "two stones are more than one"
    saving = set_up("XO", "..", "..")
    assert choose_move(saving, BLACK, saving.find_groups()) == at(1, 0)
    assert choose_move(saving, WHITE, saving.find_groups()) == at(1, 0), "white takes what black would save"
    lost = set_up("XO", ".O", "O.")
    assert choose_move(lost, BLACK, lost.find_groups()) is None, "a liberty more would be none"
    alike = set_up(".OX.", "OX..", "X...")
    assert choose_move(alike, BLACK, alike.find_groups()) == at(0, 0), "one point takes both"
    two = set_up("OX", "..", "..", "OX")
    two.colours[at(4, 0)] = BLACK
    assert choose_move(two, BLACK, two.find_groups()) is None, "two points take one stone each"


def test_planes_say_what_the_rules_say() -> None:
    board = Board()
    for point, colour in ((at(0, 1), WHITE), (at(1, 1), BLACK), (at(5, 5), WHITE), (at(0, 2), BLACK)):
        assert board.play(point, colour)
    planes = draw_planes(board, BLACK, board.find_groups())
    assert planes.shape == (SIZE, SIZE, NUM_PLANES) and planes.dtype == np.uint8
    np.testing.assert_array_equal(planes[0, 1, :3], [0, 1, 0])
    np.testing.assert_array_equal(planes[1, 1, :3], [1, 0, 0])
    assert (planes[..., :3].sum(axis=-1) == 1).all() and (planes[..., ONES] == 1).all()
    assert planes[0, 2, AGES] == 1 and planes[0, 1, AGES + 3] == 1, "the last move is one turn ago"
    assert planes[0, 1, LIBERTIES] == 1 and planes[1, 1, LIBERTIES + 2] == 1
    assert planes[0, 0, CAPTURES] == 1 and planes[..., CAPTURES : CAPTURES + 8].sum() == 1
    assert planes[0, 0, LIBERTIES_AFTER + 1] == 1, "the stone taken leaves a liberty, and one is below"
    assert draw_planes(board, WHITE, board.find_groups())[0, 0, SELF_ATARI + 1] == 1, "two stones with one liberty"
    assert planes[0, 0, SENSIBLE] == 1 and planes[0, 1, SENSIBLE] == 0
    assert planes[..., -1].sum() == planes[..., 44:46].sum() == 0


@pytest.fixture(scope="module")
def drawn() -> tuple[np.ndarray, np.ndarray]:
    positions = make_positions(1, seed=2)
    return positions.planes, positions.points


def test_every_point_has_as_many_positions(drawn: tuple[np.ndarray, np.ndarray]) -> None:
    planes, points = drawn
    assert sorted(points) == list(range(NUM_POINTS))
    rows, columns = np.divmod(points, SIZE)
    moves = planes[np.arange(NUM_POINTS), rows, columns]
    assert (moves[:, 2] == 1).all() and (moves[:, SENSIBLE] == 1).all(), "moves are on empty points"
    captures = planes[..., CAPTURES : CAPTURES + 8].astype(np.int64) @ np.arange(1, 9)
    chosen = moves[:, CAPTURES : CAPTURES + 8].astype(np.int64) @ np.arange(1, 9)
    np.testing.assert_array_equal(chosen, captures.max(axis=(1, 2)), "turned and mirrored planes go with their points")
    assert 0.6 < (chosen > 0).mean() < 0.98


def test_names_sort_as_points_do() -> None:
    names = [name_point(point) for point in range(NUM_POINTS)]
    assert names == sorted(names) and len(set(names)) == NUM_POINTS
