"""Clusters begin where rows are, whatever their order; those that nothing belongs to move to rows that fit worst."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits, make_blobs

from dbx_dl.errors import DataError
from dbx_dl.frameworks.centres import mend_clusters, start_clusters
from dbx_dl.frameworks.cluster_layers import MIN_VARIANCE

POINTS, BLOBS = make_blobs([300, 200, 100], cluster_std=0.5, random_state=4)


def outputs_of(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
    squares = np.square(points[:, None] - centres).sum(axis=2)
    return np.concatenate([-squares, squares], axis=1)


@pytest.mark.parametrize("seed", range(5))
def test_blobs_are_found_the_largest_first(seed: int) -> None:
    head = start_clusters(POINTS, 3, seed, is_mixture=False)
    means = np.stack([POINTS[blob == BLOBS].mean(axis=0) for blob in range(3)])
    np.testing.assert_allclose(head["centres"], means, atol=1e-4)
    variance = np.mean([POINTS[blob == BLOBS].var(axis=0) * (blob == BLOBS).mean() * 3 for blob in range(3)])
    assert float(head["log_variance"]) == pytest.approx(np.log(variance), abs=1e-3)


def test_a_mixture_begins_with_what_blobs_are_like() -> None:
    stretched = POINTS * np.array([1.0, 3.0])
    head = start_clusters(stretched, 3, 0, is_mixture=True)
    variances = np.exp(head["log_variances"]) + MIN_VARIANCE
    np.testing.assert_allclose(variances, [[0.25, 2.25]] * 3, rtol=0.35)
    np.testing.assert_allclose(np.exp(head["log_shares"]), [1 / 2, 1 / 3, 1 / 6], rtol=0.02)


def test_the_order_of_rows_does_not_matter() -> None:
    mixed = POINTS[np.random.default_rng(0).permutation(len(POINTS))]
    first, second = (start_clusters(rows, 4, 3, is_mixture=True) for rows in (POINTS, mixed))
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_starts_are_near_what_scikit_learn_reaches() -> None:
    points = load_digits().data / 16
    centres = start_clusters(points, 10, 0, is_mixture=False)["centres"]
    inertia = np.square(points[:, None] - centres).sum(axis=2).min(axis=1).sum()
    assert inertia < 1.05 * KMeans(10, n_init=10, random_state=0).fit(points).inertia_


def test_too_few_rows_are_told() -> None:
    with pytest.raises(DataError, match=r"2 rows with a weight for 3 clusters: lower train\.num_clusters"):
        start_clusters(POINTS[:2], 3, 0, is_mixture=False)


def test_rows_that_are_all_alike_still_start() -> None:
    head = start_clusters(np.ones((9, 2)), 3, 0, is_mixture=True)
    assert all(np.isfinite(values).all() for values in head.values())


@pytest.mark.parametrize("is_mixture", [False, True])
def test_an_empty_cluster_moves_to_the_row_that_fits_worst(is_mixture: bool) -> None:
    head = start_clusters(POINTS, 3, 0, is_mixture=is_mixture)
    strayed = head["centres"].copy()
    strayed[1] = 1000.0
    outputs = outputs_of(POINTS, strayed)
    mended = mend_clusters(POINTS, outputs, {**head, "centres": strayed})
    worst = POINTS[outputs[:, 3:].min(axis=1).argmax()]
    np.testing.assert_allclose(mended["centres"][1], worst, rtol=1e-6)
    np.testing.assert_array_equal(mended["centres"][[0, 2]], head["centres"][[0, 2]])
    if is_mixture:
        variances = np.exp(mended["log_variances"])
        np.testing.assert_allclose(variances[1], POINTS.var(axis=0), rtol=1e-3)
    assert all(values.dtype == np.float32 for values in mended.values())


def test_clusters_that_have_rows_stay() -> None:
    head = start_clusters(POINTS, 3, 0, is_mixture=True)
    mended = mend_clusters(POINTS, outputs_of(POINTS, head["centres"]), head)
    assert all(np.array_equal(mended[name], head[name]) for name in head)
