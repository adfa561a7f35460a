"""Counts of transitions become probabilities, and tables of other rows are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dbx_dl.config import TrainConfig
from dbx_dl.contracts import CategoricalFeature, FeatureSpec, PreparedTable
from dbx_dl.errors import ConfigError, DataError
from dbx_dl.train.transitions import check_counted, find_state, is_counted, smooth_counts
from tests.prepared_tables import SPEC, describe

STATE = CategoricalFeature(column="page", categories=("cart", "home"))


def describe_table(*features: CategoricalFeature) -> PreparedTable:
    return describe(Path("/nowhere"), 0, {"train": 4}, FeatureSpec(features=features), ("a", "b"))


def test_smoothing_adds_to_every_count() -> None:
    found = smooth_counts(np.array([[3, 1], [0, 0], [8, 0]]), 1.0)
    np.testing.assert_allclose(found, [[4 / 6, 2 / 6], [0.5, 0.5], [9 / 10, 1 / 10]])


def test_with_much_smoothing_all_is_alike() -> None:
    np.testing.assert_allclose(smooth_counts(np.array([[30, 1, 5]]), 1e9), np.full((1, 3), 1 / 3), atol=1e-6)


def test_one_categorical_column_is_the_state() -> None:
    assert find_state(describe_table(STATE)) == STATE


def test_other_tables_are_refused() -> None:
    with pytest.raises(
        DataError, match=r"inputs x \(numeric\), y \(numeric\), colour \(categorical\).*one categorical"
    ):
        find_state(describe(Path("/nowhere"), 0, {"train": 4}, SPEC, ("a", "b")))


def test_what_only_trained_networks_have_is_refused() -> None:
    check_counted(describe_table(STATE), TrainConfig(network="markov_chain", batch_size=8))
    for option in ({"calibration": "platt"}, {"label_smoothing": 0.1}, {"threshold": {"label": "a"}}):
        (name,) = option
        config = TrainConfig.model_validate({"network": "markov_chain", **option})
        with pytest.raises(
            ConfigError, match=f"train.{name} goes with networks that are trained, not with 'markov_chain'"
        ):
            check_counted(describe_table(STATE), config)
    config = TrainConfig.model_validate({"network": "markov_chain", "feed": {"class_weights": "balanced"}})
    with pytest.raises(ConfigError, match=r"feed\.class_weights go with networks that are trained"):
        check_counted(describe_table(STATE), config)


def test_only_chains_are_counted() -> None:
    assert is_counted("markov_chain")
    assert not is_counted("mlp") and not is_counted("mine:network")
