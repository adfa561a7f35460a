"""Overlap and accuracy of masks, by hand and by properties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dbx_dl.metrics.masks import choose_labels, mask_metrics

MASKS = arrays(np.uint8, (3, 4, 5), elements=st.integers(0, 3))


def test_by_hand() -> None:
    truth = np.array([[[0, 0, 1, 1], [0, 0, 1, 1]]])
    found = np.array([[[0, 0, 0, 1], [0, 0, 2, 1]]])
    # Background 4 of 5, the first label 2 of 4, the second one 0 of 1.
    assert mask_metrics(truth, found) == pytest.approx({"mean_iou": (4 / 5 + 2 / 4 + 0) / 3, "pixel_accuracy": 6 / 8})


@given(MASKS, MASKS)
def test_both_are_shares_and_one_only_where_all_is_right(truth: np.ndarray, found: np.ndarray) -> None:
    metrics = mask_metrics(truth, found)
    assert 0 <= metrics["mean_iou"] <= 1 and 0 <= metrics["pixel_accuracy"] <= 1
    assert (metrics["mean_iou"] == 1) == (metrics["pixel_accuracy"] == 1) == bool((truth == found).all())
    assert mask_metrics(truth, truth) == {"mean_iou": 1, "pixel_accuracy": 1}
    assert mask_metrics(found, truth) == pytest.approx(metrics)


@given(MASKS)
def test_of_probabilities_the_likeliest_counts(masks: np.ndarray) -> None:
    np.testing.assert_array_equal(choose_labels(np.eye(4)[masks] * 0.4 + 0.1), masks)


def test_images_without_weight_do_not_count() -> None:
    truth, found = np.array([[[1]], [[0]]]), np.array([[[1]], [[2]]])
    assert mask_metrics(truth, found, np.array([1.0, 0.0])) == {"mean_iou": 1, "pixel_accuracy": 1}
    assert mask_metrics(truth, found, np.zeros(2)) == mask_metrics(truth[:0], found[:0]) == {}
