"""Layers that come in by stages move from their epoch on, with rates and moments of their own, alike on all ranks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.numerics.conftest import Numbers
from tests.numerics.unfreezing import OWN_RATE, RATE, STEPS_PER_EPOCH

# Positions among the arrays: weight and bias, and of batch-norm moving mean and variance behind them.
CONVOLUTION, INNER_NORM, DENSE, NORM, HEAD = range(2), range(2, 6), range(6, 8), range(8, 12), range(12, 14)
# What trains in each epoch; the biases before batch-norm have no gradient but rounding.
TRAINED = {1: [*HEAD], 2: [DENSE[0], *NORM, *HEAD], 3: [CONVOLUTION[0], DENSE[0], *NORM, *HEAD]}
NEVER_YET = {1: [*CONVOLUTION, *INNER_NORM, *DENSE, *NORM], 2: [*CONVOLUTION, *INNER_NORM], 3: [*INNER_NORM]}


def runs_of(numbers: Numbers) -> list[dict[str, Any]]:
    return [found["unfrozen"] for found in (numbers.alone, numbers.rank(0), numbers.rank(1))]


@pytest.mark.parametrize("epoch", [1, 2, 3])
def test_layers_move_from_their_epoch_on(numbers: Numbers, epoch: int) -> None:
    for run in runs_of(numbers):
        for moved in run["moves"][(epoch - 1) * STEPS_PER_EPOCH : epoch * STEPS_PER_EPOCH]:
            assert [moved[place] for place in NEVER_YET[epoch]] == [0.0] * len(NEVER_YET[epoch])
            assert min(moved[place] for place in TRAINED[epoch]) > 0


def test_a_stage_begins_with_fresh_moments_at_its_own_rate(numbers: Numbers) -> None:
    # Adam's first step is the learning rate, whatever the gradient; were it counted as the third, 0.64 times that.
    for run in runs_of(numbers):
        assert run["moves"][STEPS_PER_EPOCH][DENSE[0]] == pytest.approx(OWN_RATE, rel=0.01)
        assert run["moves"][2 * STEPS_PER_EPOCH][CONVOLUTION[0]] == pytest.approx(RATE, rel=0.01)


def test_two_ranks_have_the_losses_of_one(numbers: Numbers) -> None:
    one, *shares = ([*run["losses"]] for run in runs_of(numbers))
    assert np.sum(shares, axis=0) == pytest.approx(one, rel=1e-3)


def test_ranks_stay_bit_identical(numbers: Numbers) -> None:
    _, first, second = runs_of(numbers)
    assert first["digests"] == second["digests"]
    assert len(set(first["digests"])) == 3


def test_what_cannot_be_unfrozen_is_said(numbers: Numbers) -> None:
    assert numbers.alone["unfrozen"]["refused"] == {
        "unknown": "ConfigError: train.unfreeze: 'nothing*' matches no frozen layer; frozen layers are DENSE, NORM",
        "again": "ConfigError: train.unfreeze: an earlier stage trains all that NORM (epoch 3) matches",
    }
