"""A training that goes on from a checkpoint ends with the bits of one that ran through, with dropout on.

With adam layers are unfrozen in the second epoch: the first checkpoint lies before that, the second just at it.
"""

from __future__ import annotations

from tests.numerics.conftest import Numbers


def test_going_on_ends_with_the_same_bits_and_history(numbers: Numbers) -> None:
    found = numbers.alone["resumed"]
    assert set(found) == {"adam", "sgd", "belief"}
    places = ["epoch_0001_step_000005", "epoch_0002_step_000000", "epoch_0002_step_000003", "epoch_0003_step_000000"]
    for outcomes in found.values():
        assert outcomes == {place: [True, True] for place in places}


def test_a_checkpoint_of_another_network_is_refused(numbers: Numbers) -> None:
    assert numbers.alone["refused_state"].startswith("DataError: the checkpoint is of another network or optimizer: ")
