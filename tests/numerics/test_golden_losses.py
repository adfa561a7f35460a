"""Losses of seeded runs: the same bits for the same seed, and close to those that the repository keeps."""

from __future__ import annotations

import json

import pytest

from tests.numerics.conftest import Numbers
from tests.numerics.write_golden_losses import GOLDEN_FILE


def test_losses_are_the_golden_ones(numbers: Numbers) -> None:
    golden = json.loads(GOLDEN_FILE.read_text())[numbers.framework]
    assert len(golden) == 10
    assert numbers.alone["golden"] == pytest.approx(golden, rel=1e-3)


def test_golden_losses_fall() -> None:
    for losses in json.loads(GOLDEN_FILE.read_text()).values():
        assert losses[-1] < losses[0] - 0.05


def test_same_seed_gives_the_same_bits(numbers: Numbers) -> None:
    first, again = numbers.alone["seeded"]  # with dropout, twice in one process
    assert first == again
    assert numbers.rank(0)["seeded"] == first  # in another process
    assert len(set(first)) == 5


def test_noise_follows_the_process_and_weights_follow_the_request(numbers: Numbers) -> None:
    assert numbers.alone["noise_differs"]
