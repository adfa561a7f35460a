"""Overlaps, what is kept of candidates, and average precision, by hand and by properties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbx_dl.metrics.boxes import box_metrics, keep_boxes, overlap, weigh_boxes

SIDES = st.floats(0.01, 0.5)
BOX = st.tuples(SIDES, SIDES, SIDES, SIDES)


def candidates(*boxes: tuple[float, int, tuple[float, ...]], num_labels: int = 2) -> np.ndarray:
    """One image's (1, B, 5 + C) of (probability, label, box)."""
    found = np.zeros((1, max(1, len(boxes)), 5 + num_labels))
    for place, (probability, label, box) in enumerate(boxes):
        found[0, place, 0], found[0, place, 1:5], found[0, place, 5 + label] = probability, box, 1
    return found


def truth(*boxes: tuple[int, tuple[float, ...]], num_places: int = 4) -> np.ndarray:
    found = np.zeros((1, num_places, 5), np.float32)
    for place, (label, box) in enumerate(boxes):
        found[0, place] = (label, *box)
    return found


LEFT, RIGHT = (0.0, 0.0, 0.5, 0.5), (0.5, 0.5, 0.5, 0.5)


def test_overlaps_by_hand() -> None:
    boxes = np.array([LEFT, RIGHT, (0.25, 0.0, 0.5, 0.5), (0.0, 0.0, 0.0, 0.5)])
    expected = [[1, 0, 1 / 3, 0], [0, 1, 0, 0], [1 / 3, 0, 1, 0], [0, 0, 0, 0]]
    np.testing.assert_allclose(overlap(boxes, boxes), expected)


@given(BOX, BOX)
def test_overlaps_are_shares_and_do_not_depend_on_the_order_or_the_unit(
    one: tuple[float, ...], other: tuple[float, ...]
) -> None:
    first, second = np.array([one], np.float64), np.array([other], np.float64)
    found = overlap(first, second)[0, 0]
    assert 0 <= found <= 1 + 1e-12
    assert overlap(second, first)[0, 0] == pytest.approx(found)
    assert overlap(first * 640, second * 640)[0, 0] == pytest.approx(found, rel=1e-6)
    assert overlap(first, first)[0, 0] == pytest.approx(1)


def test_of_boxes_that_overlap_the_likelier_one_of_a_label_is_kept() -> None:
    near = (0.05, 0.0, 0.5, 0.5)
    kept = keep_boxes(candidates((0.6, 0, near), (0.9, 0, LEFT), (0.5, 1, near), (0.04, 0, RIGHT), (0.3, 0, RIGHT)))
    assert kept.probabilities.tolist() == [0.9, 0.5, 0.3]
    assert kept.labels.tolist() == [0, 1, 0]
    assert kept.boxes.tolist() == [list(LEFT), list(near), list(RIGHT)]
    outside = keep_boxes(candidates((0.9, 0, (-0.2, 0.9, 0.5, 0.5)), (0.9, 1, (1.1, 0.0, 0.5, 0.5))))
    np.testing.assert_allclose(outside.boxes, [[0.0, 0.9, 0.3, 0.1]])


@given(st.lists(st.tuples(st.floats(0.1, 1), st.integers(0, 1), BOX), max_size=6))
def test_what_is_kept_is_kept_again(boxes: list[tuple[float, int, tuple[float, ...]]]) -> None:
    kept = keep_boxes(candidates(*boxes))
    again = keep_boxes(candidates(*zip(kept.probabilities, kept.labels.tolist(), kept.boxes.tolist(), strict=True)))
    np.testing.assert_array_equal(again.boxes, kept.boxes)
    np.testing.assert_array_equal(again.probabilities, kept.probabilities)


def test_average_precision_by_hand() -> None:
    """Two true boxes of a label: right, wrong, right by falling probability; precisions 1, 1/2, 2/3."""
    found = candidates((0.9, 0, LEFT), (0.8, 0, (0.0, 0.5, 0.4, 0.4)), (0.7, 0, RIGHT))
    metrics = box_metrics(truth((0, LEFT), (0, RIGHT)), found)
    assert metrics == pytest.approx({"map_50": (1 + 2 / 3) / 2, "box_iou": 1.0})
    # The other label has a true box that is not found: its average precision is 0.
    metrics = box_metrics(truth((0, LEFT), (0, RIGHT), (1, LEFT)), found)
    assert metrics == pytest.approx({"map_50": (1 + 2 / 3) / 4, "box_iou": 2 / 3})


def test_a_true_box_is_found_once() -> None:
    twice = candidates((0.9, 0, LEFT), (0.8, 0, (0.2, 0.0, 0.5, 0.5)))
    assert box_metrics(truth((0, LEFT)), twice)["map_50"] == 1
    swapped = candidates((0.7, 0, LEFT), (0.8, 0, (0.2, 0.0, 0.5, 0.5)))
    assert box_metrics(truth((0, LEFT)), swapped)["map_50"] == 0.5
    assert box_metrics(truth((0, LEFT)), candidates((0.9, 1, LEFT))) == {"map_50": 0, "box_iou": 0}


def test_without_true_boxes_nothing_is_defined() -> None:
    assert box_metrics(truth(), candidates((0.9, 0, LEFT))) == {}
    assert box_metrics(truth()[:0], candidates()[:0]) == {}
    assert box_metrics(truth((0, LEFT)), candidates((0.9, 0, LEFT)), np.zeros(1)) == {}
    found = weigh_boxes(truth((0, LEFT)), candidates((0.9, 0, LEFT)), np.array([[1.0], [0.0]]), ("map_50", "box_iou"))
    assert found["map_50"][0] == 1 and np.isnan(found["map_50"][1]) and np.isnan(found["box_iou"][1])
