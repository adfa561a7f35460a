"""Kappas are scikit-learn's and statsmodels', and overlaps of polygons are what sampling their area gives."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.inter_rater import fleiss_kappa as their_fleiss_kappa

from dbx_dl.metrics import shape_agreement as shapes
from dbx_dl.metrics.agreement import cohen_kappa, compare_annotators, count_ratings, fleiss_kappa
from dbx_dl.metrics.boxes import overlap
from dbx_dl.metrics.shape_agreement import overlap_boxes, overlap_polygons, shape_agreement

CLASSES = st.integers(0, 3)
RATINGS = st.lists(st.tuples(CLASSES, CLASSES), min_size=2, max_size=40)
SHARES = st.floats(0, 1, width=16)
OUTLINES = st.lists(st.tuples(SHARES, SHARES), min_size=3, max_size=7).map(np.array)


@given(RATINGS)
def test_cohens_kappa_is_scikit_learns(ratings: list[tuple[int, int]]) -> None:
    first, second = np.array(ratings).T
    assume(len({*first, *second}) > 1)
    assert cohen_kappa(first, second) == pytest.approx(cohen_kappa_score(first, second), abs=1e-12)
    assert cohen_kappa(second + 7, first + 7) == pytest.approx(cohen_kappa(first, second))


def test_without_a_choice_there_is_no_kappa() -> None:
    assert math.isnan(cohen_kappa(np.array([1, 1]), np.array([1, 1])))
    assert math.isnan(cohen_kappa(np.zeros(0, int), np.zeros(0, int)))
    assert math.isnan(fleiss_kappa(np.array([[3, 0], [4, 0]])))
    assert math.isnan(fleiss_kappa(np.array([[1, 0], [0, 1]])))


@given(st.integers(2, 5), st.integers(2, 4), st.integers(1, 20), st.integers(0, 2**31))
def test_fleiss_kappa_is_statsmodels(num_raters: int, num_classes: int, num_items: int, seed: int) -> None:
    counts = np.random.default_rng(seed).multinomial(num_raters, np.ones(num_classes) / num_classes, num_items)
    assume((counts.sum(axis=0) > 0).sum() > 1)
    assert fleiss_kappa(counts) == pytest.approx(their_fleiss_kappa(counts), abs=1e-12)
    with_lone_ones = np.concatenate([counts, np.eye(num_classes, dtype=int), np.zeros((1, num_classes), int)])
    assert fleiss_kappa(with_lone_ones) == fleiss_kappa(counts)


def test_kappa_of_missing_ratings_by_hand() -> None:
    """Items with two and with three ratings: agreement 1 and 1/3, shares (1, 0) and (2/3, 1/3)."""
    observed, shares = (1 + 1 / 3) / 2, np.array([5 / 6, 1 / 6])
    expected = float(shares @ shares)
    assert fleiss_kappa(np.array([[2, 0], [2, 1]])) == pytest.approx((observed - expected) / (1 - expected))


@given(RATINGS)
def test_pairs_are_compared_on_what_both_rated(ratings: list[tuple[int, int]]) -> None:
    first, second = np.array(ratings).T
    num = len(first)
    items = np.concatenate([np.arange(num), np.arange(num), [num, num + 1]])
    annotators = np.concatenate([np.zeros(num, int), np.ones(num, int), [0, 2]])
    (pair,) = compare_annotators(items, annotators, np.concatenate([first, second, [0, 0]]))
    assert (pair.first, pair.second, pair.num_items) == (0, 1, num)
    assert pair.share == pytest.approx((first == second).mean())
    np.testing.assert_equal(pair.kappa, cohen_kappa(first, second))
    counts = count_ratings(items, np.concatenate([first, second, [0, 0]]), num + 2, 4)
    assert counts.sum() == len(items)


@given(
    arrays(np.float64, (3, 4), elements=st.floats(0.05, 0.5)), arrays(np.float64, (2, 4), elements=st.floats(0.05, 0.5))
)
def test_polygons_of_boxes_overlap_as_boxes_do(first: np.ndarray, second: np.ndarray) -> None:
    def outline(boxes: np.ndarray) -> list[np.ndarray]:
        return [np.array([[x, y], [x + w, y], [x + w, y + h], [x, y + h]]) for x, y, w, h in boxes]

    expected = overlap(first, second)
    np.testing.assert_allclose(overlap_polygons(outline(first), outline(second)), expected, atol=1e-9)
    np.testing.assert_array_equal(overlap_boxes(first, second), expected)


@given(OUTLINES, OUTLINES)
def test_polygons_overlap_as_their_pixels_do(first: np.ndarray, second: np.ndarray) -> None:
    found = overlap_polygons([first], [second])[0, 0]
    one, other = (fill(outline) for outline in (first, second))
    union = (one | other).sum()
    assume(one.sum() > 2000 and other.sum() > 2000)
    assert found == pytest.approx((one & other).sum() / union, abs=0.02)
    assert overlap_polygons([second], [first])[0, 0] == pytest.approx(found, abs=1e-9)
    assert overlap_polygons([first], [np.roll(first, 1, axis=0)[::-1]])[0, 0] == pytest.approx(1)


def test_polygons_apart_or_not_asked_for_are_not_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    num_cut, cut = 0, shapes._overlap_two

    def count(*given: np.ndarray) -> float:
        nonlocal num_cut
        num_cut += 1
        return cut(*given)

    monkeypatch.setattr(shapes, "_overlap_two", count)
    square = np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
    row = [square + np.array([place, 0]) for place in range(30)]
    np.testing.assert_allclose(overlap_polygons(row, row), np.eye(30))
    assert num_cut == 30
    is_asked = np.zeros((30, 30), bool)
    is_asked[0, 0] = is_asked[0, 1] = True
    assert overlap_polygons(row, row, is_asked).sum() == 1 and num_cut == 31
    assert overlap_polygons(row, []).shape == (30, 0)


def fill(outline: np.ndarray, side: int = 400) -> np.ndarray:
    """Pixels whose middle is inside, by the number of edges that a ray to the right crosses."""
    x, y = np.meshgrid((np.arange(side) + 0.5) / side, (np.arange(side) + 0.5) / side)
    inside = np.zeros((side, side), bool)
    for (x1, y1), (x2, y2) in zip(outline, np.roll(outline, -1, axis=0), strict=True):
        if y1 != y2:
            inside ^= ((y1 <= y) != (y2 <= y)) & (x < x1 + (x2 - x1) * (y - y1) / (y2 - y1))
    return inside


def test_shapes_agree_by_hand() -> None:
    overlaps = np.array([[0.5, 0.9], [0.6, 0.8]])
    assert shape_agreement(overlaps, ["a", "a"], ["a", "a"]) == pytest.approx((0.9 + 0.6) / 2)
    assert shape_agreement(overlaps, ["a", "b"], ["a", "a"]) == pytest.approx(0.9 / 2)
    assert shape_agreement(overlaps[:1], ["a"], ["a", "a"]) == pytest.approx(0.9 / 2)
    assert shape_agreement(np.zeros((0, 2)), [], ["a", "a"]) == 0
    assert shape_agreement(np.zeros((0, 0)), [], []) == 1
