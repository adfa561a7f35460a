"""Learning rates by step."""

from __future__ import annotations

import math

import pytest

from dbx_dl.config import OptimizerConfig
from dbx_dl.train.schedule import create_schedule


def rates(num_epochs: int = 4, steps_per_epoch: int = 5, **optimizer: object) -> list[float]:
    config = OptimizerConfig(learning_rate=0.1, **optimizer)  # type: ignore[arg-type]
    schedule = create_schedule(config, num_epochs, steps_per_epoch)
    return [schedule.learning_rate(step) for step in range(num_epochs * steps_per_epoch)]


def test_constant_is_constant() -> None:
    assert rates() == [0.1] * 20


def test_warmup_rises_in_equal_steps_to_the_peak() -> None:
    found = rates(warmup_epochs=1)
    assert found[:5] == pytest.approx([0.02, 0.04, 0.06, 0.08, 0.1])
    assert found[5:] == [0.1] * 15


def test_cosine_falls_from_the_peak_and_never_reaches_zero() -> None:
    found = rates(decay="cosine", warmup_epochs=1)
    assert found[5] == 0.1
    assert found[5:] == sorted(found[5:], reverse=True)
    assert 0 < found[-1] < 0.002
    assert found[12] == pytest.approx(0.1 * 0.5 * (1 + math.cos(math.pi * 7 / 15)), rel=1e-6)


def test_warmup_longer_than_the_run_stays_below_the_peak() -> None:
    found = rates(num_epochs=2, warmup_epochs=10, decay="cosine")
    assert found == sorted(found)
    assert found[-1] == pytest.approx(0.02)
