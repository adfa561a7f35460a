"""What learns to give inputs again does so alike in both frameworks and over ranks; what it cannot give is unusual."""

from __future__ import annotations

import numpy as np
import pytest

from tests.numerics.conftest import Numbers
from tests.numerics.reconstructing import EXACT, PENALTIES, RANDOM, make_values
from tests.numerics.test_ranks_agree import largest_difference


@pytest.mark.parametrize("network", EXACT)
def test_both_frameworks_learn_alike(keras_numbers: Numbers, torch_numbers: Numbers, network: str) -> None:
    keras, torch = (numbers.alone["reconstruction"][network] for numbers in (keras_numbers, torch_numbers))
    for one, other in zip(keras, torch, strict=True):
        assert one == pytest.approx(other, rel=1e-4)
    losses = [sums["loss"] / sums["weight"] for sums in torch]
    assert np.mean(losses[-5:]) < np.mean(losses[:5]) - 0.05
    weights = [numbers.weights(f"alone/reconstruction/{network}/trained") for numbers in (keras_numbers, torch_numbers)]
    assert largest_difference(*weights) <= 1e-4


@pytest.mark.parametrize("network", EXACT)
def test_two_ranks_give_the_weights_of_one_with_twice_the_batch(numbers: Numbers, network: str) -> None:
    names = [f"{part}/reconstruction/{network}/trained" for part in ("alone", "ranks/0", "ranks/1")]
    one, first, second = (numbers.weights(name) for name in names)
    assert largest_difference(first, second) == 0
    assert largest_difference(one, first) <= 1e-5


def test_a_penalty_is_part_of_the_loss(numbers: Numbers) -> None:
    for sums in numbers.alone["reconstruction"]["sparse_autoencoder"]:
        assert 0 < sums["penalty"] < sums["loss"]


@pytest.mark.parametrize("network", RANDOM)
def test_the_same_seeds_give_the_same_losses(numbers: Numbers, network: str) -> None:
    first, second = numbers.alone["reconstruction"]["seeded"][network]
    assert first == second
    assert np.mean(first[-5:]) < np.mean(first[:5]) - 0.05


def test_penalties_by_hand(numbers: Numbers) -> None:
    values, weights = (array.astype(np.float64) for array in make_values())
    means, log_variances = np.split(values, 2, axis=1)
    normal = 0.5 * (np.exp(log_variances) + means**2 - 1 - log_variances).sum(axis=1) @ weights / 5
    shares, target = weights @ values / weights.sum(), PENALTIES[1].target
    divergences = target * np.log(target / shares) + (1 - target) * np.log((1 - target) / (1 - shares))
    expected = [normal * PENALTIES[0].weight, divergences.mean() * weights.sum() * PENALTIES[1].weight]
    assert numbers.alone["reconstruction"]["penalties"] == pytest.approx(expected, rel=1e-5)


def test_shuffled_digits_are_unusual(numbers: Numbers) -> None:
    assert numbers.alone["reconstruction"]["auc"] > 0.99


def test_a_belief_network_reconstructs_better_and_better_before_it_learns_labels(numbers: Numbers) -> None:
    for averages in (numbers.alone["reconstruction"]["belief"], numbers.rank(0)["reconstruction"]["belief"]):
        for layer in (1, 2):
            errors = averages[f"reconstruction_error_{layer}"]
            assert len(errors) == 3
            assert errors[2] < errors[1] < errors[0]
        assert len(averages["loss"]) == 12
        assert averages["accuracy"][-1] > 0.8 > 0.5 > averages["accuracy"][0]


def test_ranks_that_draw_apart_stay_bit_identical(numbers: Numbers) -> None:
    first, second = (numbers.weight_bytes(f"ranks/{rank}/reconstruction/belief") for rank in (0, 1))
    assert first == second
