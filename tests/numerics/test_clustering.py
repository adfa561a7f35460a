"""Clusters are learned alike in both frameworks and over ranks, and are as good as scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture

from tests.numerics.conftest import Numbers
from tests.numerics.grouping import DEEP, EXACT, NUM_WINES, read_wines


def outputs_of(numbers: Numbers, part: str, network: str) -> np.ndarray:
    return np.load(numbers.folder / part / "clustering" / f"{network}.npy")


@pytest.mark.parametrize("network", EXACT)
def test_both_frameworks_find_the_same_clusters(keras_numbers: Numbers, torch_numbers: Numbers, network: str) -> None:
    keras, torch = (numbers.alone["clustering"][network] for numbers in (keras_numbers, torch_numbers))
    for one, other in zip(keras, torch, strict=True):
        assert one == pytest.approx(other, rel=1e-4)
    found = [outputs_of(numbers, "alone", network) for numbers in (keras_numbers, torch_numbers)]
    np.testing.assert_allclose(*found, rtol=1e-3, atol=1e-3)
    assert torch[-1]["loss"] < torch[0]["loss"]


@pytest.mark.parametrize("network", EXACT)
def test_two_ranks_find_the_clusters_of_one(numbers: Numbers, network: str) -> None:
    alone, first, second = (outputs_of(numbers, part, network) for part in ("alone", "ranks/0", "ranks/1"))
    assert first.tobytes() == second.tobytes()
    np.testing.assert_allclose(first, alone, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("network", DEEP)
def test_centres_come_in_when_codes_are_learned(numbers: Numbers, network: str) -> None:
    first, second = (outputs_of(numbers, f"ranks/{rank}", network) for rank in (0, 1))
    assert first.tobytes() == second.tobytes()
    for epochs in (numbers.alone["clustering"][network], numbers.rank(0)["clustering"][network]):
        assert epochs[1]["reconstruction_error_1"] < 0.9 * epochs[0]["reconstruction_error_1"]
        assert not any("reconstruction_error_1" in epoch for epoch in epochs[2:])
        assert epochs[3]["nll"] == epochs[3]["loss"] < epochs[2]["loss"]


def test_wines_are_grouped_as_well_as_by_scikit_learn(torch_numbers: Numbers) -> None:
    rows, labels = read_wines()
    found = torch_numbers.alone["clustering"]["wines"]
    peer = KMeans(NUM_WINES, n_init=10, random_state=0).fit(rows)
    assert found["kmeans"]["inertia"] == pytest.approx(peer.inertia_ / len(rows), rel=2e-3)
    assert found["kmeans"]["adjusted_rand_index"] >= adjusted_rand_score(labels, peer.labels_) - 0.03 > 0.8
    mixture = GaussianMixture(NUM_WINES, covariance_type="diag", reg_covar=1e-3, n_init=5, random_state=0).fit(rows)
    assert found["gaussian_mixture"]["nll"] <= -mixture.score(rows) + 0.1
    # One Gaussian for all wines is the baseline.
    one = GaussianMixture(1, covariance_type="diag").fit(rows)
    assert found["gaussian_mixture"]["nll"] < -one.score(rows) - 3
