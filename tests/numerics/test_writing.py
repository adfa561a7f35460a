"""Sequences are written and learned alike in both frameworks, and learning sees what writing does."""

from __future__ import annotations

import numpy as np
import pytest

from tests.numerics.conftest import Numbers
from tests.numerics.writing import LENGTHS, NUM_ROWS, NUM_STEPS


def split(outputs: list[list[float]]) -> tuple[np.ndarray, np.ndarray]:
    """Ids and probabilities (N, T) each."""
    ids, shares = np.split(np.array(outputs), 2, axis=1)
    return ids.astype(int), shares


def test_nothing_is_written_behind_the_end(numbers: Numbers) -> None:
    for name in ("written", "trained"):
        ids, shares = split(numbers.alone["writing"][name])
        is_behind = np.pad(ids[:, :-1] == 0, ((0, 0), (1, 0)))
        assert (ids[is_behind] == 0).all() and (shares[is_behind] == 1).all()
        assert (shares[~is_behind] < 1).all() and (shares > 1 / 9 - 1e-6).all()


def test_the_loss_of_what_is_written_is_that_of_its_probabilities(numbers: Numbers) -> None:
    ids, shares = split(numbers.alone["writing"]["written"])
    num_steps = np.minimum((ids > 0).sum(axis=1) + 1, NUM_STEPS)
    losses = -np.log(shares).sum(axis=1) / num_steps
    weights = np.linspace(0, 2, NUM_ROWS)
    assert numbers.alone["writing"]["own_loss"] == pytest.approx(float(losses @ weights), rel=1e-5)


def test_a_batch_costs_what_its_rows_cost(numbers: Numbers) -> None:
    found = numbers.alone["writing"]
    assert found["losses"][0] == pytest.approx(sum(found["losses_of_truth"]), rel=1e-5)


def test_texts_are_learned(numbers: Numbers) -> None:
    losses = numbers.alone["writing"]["losses"]
    assert np.isfinite(losses).all() and losses[-1] < 0.8 * losses[0]


def test_only_tokens_are_looked_at(numbers: Numbers) -> None:
    shares_nts, is_token_ns = np.array(numbers.alone["writing"]["attention"]), np.arange(NUM_STEPS) < LENGTHS[:, None]
    assert (shares_nts[~np.broadcast_to(is_token_ns[:, None], shares_nts.shape)] == 0).all()
    totals_n = np.where(LENGTHS > 0, 1.0, 0.0)
    np.testing.assert_allclose(shares_nts.sum(axis=2), np.repeat(totals_n[:, None], NUM_STEPS, axis=1), atol=1e-6)


def test_both_frameworks_learn_and_write_the_same(keras_numbers: Numbers, torch_numbers: Numbers) -> None:
    keras, torch = (numbers.alone["writing"] for numbers in (keras_numbers, torch_numbers))
    np.testing.assert_allclose(keras["losses"], torch["losses"], rtol=1e-4)
    for name, tolerance in {"written": 1e-5, "trained": 1e-4, "attention": 1e-4}.items():
        np.testing.assert_allclose(keras[name], torch[name], atol=tolerance)
