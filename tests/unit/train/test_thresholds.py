"""What a run says of its threshold: chosen on validation rows, measured on test rows, or told why there is none."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from dbx_dl.config import ThresholdConfig
from dbx_dl.contracts import Target
from dbx_dl.train.thresholds import find_threshold, measure_label, tell_threshold

TARGET = Target(task="multiclass", column="y", label_names=("a", "b", "c"))
CONFIG = ThresholdConfig(label="b", min_recall=1.0)
OBSERVED = {
    "labels": np.array([1, 0, 1, 2]),
    "predictions": np.array([[0.6, 0.3, 0.1], [0.9, 0.05, 0.05], [0.1, 0.8, 0.1], [0.4, 0.2, 0.4]]),
}


def test_a_threshold_is_found_and_measured(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "dbx_dl")
    found, is_met = find_threshold(CONFIG, TARGET, OBSERVED)
    assert found is not None and is_met
    assert found.probability == pytest.approx(0.25) and (found.precision, found.recall) == (1.0, 1.0)
    tell_threshold(found, is_met, CONFIG)
    assert "rows get 'b' from probability 0.25 on: precision 1.0000, recall 1.0000" in caplog.text
    assert measure_label(found, TARGET, OBSERVED) == {"precision": 1.0, "recall": 1.0, "f1": 1.0}
    assert measure_label(found, TARGET, {}) == {}


def test_without_such_rows_there_is_none(caplog: pytest.LogCaptureFixture) -> None:
    for observed in ({}, {**OBSERVED, "sample_weights": np.array([0.0, 1.0, 0.0, 1.0])}):
        assert find_threshold(CONFIG, TARGET, observed) == (None, False)
    tell_threshold(None, False, CONFIG)
    assert "no row of the validation split has the label 'b'" in caplog.text


def test_a_rule_that_is_not_met_is_told(caplog: pytest.LogCaptureFixture) -> None:
    config = ThresholdConfig(label="c", min_precision=0.99)
    observed = {"labels": np.array([2, 1]), "predictions": np.array([[0.1, 0.1, 0.8], [0.05, 0.05, 0.9]])}
    found, is_met = find_threshold(config, TARGET, observed)
    tell_threshold(found, is_met, config)
    assert not is_met and "no threshold reaches precision 0.99 for 'c'" in caplog.text
