"""Metrics of clusters are scikit-learn's, and those of weighted rows those of repeated ones."""

from __future__ import annotations

from time import process_time

import numpy as np
import pytest
from sklearn import metrics as peers
from sklearn.datasets import make_blobs

from dbx_dl.metrics.clustering import (
    INFORMATION,
    RAND,
    silhouette,
    simplify_silhouette,
    weigh_agreement,
    weigh_rows,
)


def partitions(seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    labels = random.integers(0, 4, 60)
    return labels, np.where(random.uniform(size=60) < 0.6, labels, random.integers(0, 5, 60))


@pytest.mark.parametrize("seed", range(4))
def test_silhouettes_are_those_of_scikit_learn(seed: int) -> None:
    points, _ = make_blobs(n_samples=300, centers=4, random_state=seed)
    clusters = np.random.default_rng(seed).integers(0, 3, 300) * 7
    clusters[0] = 99
    np.testing.assert_allclose(silhouette(points, clusters), peers.silhouette_samples(points, clusters), atol=1e-9)


def test_silhouettes_far_from_the_origin_are_as_near_it() -> None:
    points, clusters = make_blobs(n_samples=200, centers=3, random_state=1)
    np.testing.assert_allclose(silhouette(points + 1e6, clusters), silhouette(points, clusters), atol=1e-7)


def test_silhouettes_of_whole_images_take_seconds() -> None:
    random = np.random.default_rng(0)
    points, clusters = random.uniform(size=(500, 64 * 64 * 3)), random.integers(0, 8, 500)
    began = process_time()
    found = silhouette(points, clusters)
    # By differences of all pairs it is some ten times as long.
    assert process_time() - began < 6
    np.testing.assert_allclose(found, peers.silhouette_samples(points, clusters), atol=1e-9)


def test_one_cluster_has_no_silhouette() -> None:
    assert silhouette(np.eye(3), np.zeros(3, np.int64)).tolist() == [0, 0, 0]


def test_simplified_silhouettes_by_hand() -> None:
    own, other = np.array([1.0, 3.0, 0.0, 2.0]), np.array([4.0, 1.0, 0.0, 2.0])
    np.testing.assert_allclose(simplify_silhouette(own, other), [0.75, -2 / 3, 0, 0])


@pytest.mark.parametrize("seed", range(4))
def test_agreement_is_that_of_scikit_learn(seed: int) -> None:
    labels, clusters = partitions(seed)
    found = weigh_agreement(labels, clusters, np.full((1, 60), 0.3))
    assert found[RAND][0] == pytest.approx(peers.adjusted_rand_score(labels, clusters))
    assert found[INFORMATION][0] == pytest.approx(peers.normalized_mutual_info_score(labels, clusters))


def test_whole_weights_repeat_rows() -> None:
    labels, clusters = partitions(7)
    random = np.random.default_rng(7)
    weights = random.integers(0, 4, (3, 60))
    found = weigh_agreement(labels, clusters, weights.astype(np.float64), (INFORMATION,))
    own, other, density = random.uniform(size=(3, 60))
    rows = weigh_rows(own, other, density, weights / weights.sum(axis=1, keepdims=True))
    for place, counts in enumerate(weights):
        repeated = np.repeat(np.arange(60), counts)
        expected = peers.normalized_mutual_info_score(labels[repeated], clusters[repeated])
        assert found[INFORMATION][place] == pytest.approx(expected)
        assert rows["inertia"][place] == pytest.approx((own[repeated] ** 2).mean())
        assert rows["nll"][place] == pytest.approx(-density[repeated].mean())
        simplified = simplify_silhouette(own, other)[repeated].mean()
        assert rows["simplified_silhouette"][place] == pytest.approx(simplified)


def test_the_same_partition_agrees_whatever_its_names() -> None:
    labels = np.array([0, 0, 1, 1, 2])
    for clusters in (labels, 5 - labels, np.zeros(5, np.int64)):
        found = weigh_agreement(labels if clusters.any() else clusters, clusters, np.ones((1, 5)))
        assert (found[RAND][0], found[INFORMATION][0]) == pytest.approx((1, 1))
