"""A generator and a discriminator take turns, the same on every rank and from a checkpoint on."""

from __future__ import annotations

import pytest

from tests.numerics.conftest import Numbers


def test_ranks_share_both_networks_and_optimizers(numbers: Numbers) -> None:
    first, second = (numbers.rank(rank)["generation"] for rank in (0, 1))
    assert first["state"] == second["state"]
    assert {name.partition("/")[0] for name in first["state"]} >= {
        *("network", "optimizer", "discriminator", "discriminator_optimizer"),
    }
    assert first["sums"] != second["sums"]
    assert {"weight", "loss", "discriminator_loss", "true_share", "made_share"} == set(first["sums"][0])
    alone = numbers.alone["generation"]["seeded"]["state"]
    assert first["state"] != pytest.approx(alone, abs=1e-6)


def test_training_goes_on_from_its_state(numbers: Numbers) -> None:
    assert numbers.alone["generation"]["is_same_after_resume"]


def test_made_digits_become_like_digits(numbers: Numbers) -> None:
    before, after = numbers.alone["generation"]["distances"]
    # Of other digits it is 0.006, of the mean digit 0.15.
    assert after < 0.15 < before
