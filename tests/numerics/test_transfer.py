"""A network with a new head starts from another one's weights, and frozen layers keep theirs."""

from __future__ import annotations

from tests.numerics.conftest import Numbers


def test_what_fits_is_taken_over_and_frozen_layers_keep_it(numbers: Numbers) -> None:
    found = numbers.alone["transferred"]
    # Two convolutions, a dense layer and the head: each with its weights and biases, all biases zero at the start.
    assert found["is_taken"] == [True] * 6 + [False] * 2
    assert found["is_frozen"] == [True] * 4 + [False] * 4
    assert found["strict"].startswith("DataError: ")
    assert "are of another network" in found["strict"]
    (said,) = found["said"]
    assert "these are not taken: " in said
    assert said.count("the network's is float32") == 2


def test_what_cannot_be_frozen_is_said(numbers: Numbers) -> None:
    found = numbers.alone["transferred"]
    assert found["unknown"].startswith(
        "ConfigError: train.freeze: 'nothing*' matches no layer; layers with weights are "
    )
    assert found["everything"] == "ConfigError: train.freeze: * leaves nothing to train"
