"""Calibration sees every row of the validation split once, with its sample weight."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from dbx_dl.contracts import Batch
from dbx_dl.frameworks.single_rank import SingleRank
from dbx_dl.metrics.calibration import fit_calibration
from dbx_dl.train.calibration import calibrate


class Rows:
    """A feed of some rows in batches of four, the last one filled up with rows that are none."""

    num_steps = 2

    def __init__(self, num_rows: int) -> None:
        self.num_rows = num_rows
        random = np.random.default_rng(3)
        self.inputs = random.normal(size=(8, 2)).astype(np.float32)
        self.labels = random.integers(0, 2, 8)
        self.weights = random.uniform(0.5, 2, 8).astype(np.float32)

    def batches(self, epoch: int | None, first_step: int = 0) -> Iterator[Batch]:
        for start in range(0, self.num_rows, 4):
            rows = slice(start, start + 4)
            is_row = np.arange(start, start + 4) < self.num_rows
            keys = tuple(map(str, range(4)))
            weights = self.weights[rows]
            yield Batch(self.inputs[rows], self.labels[rows], weights, keys, is_row=is_row, sample_weights=weights)


class Doubling:
    """A network whose outputs are twice its inputs."""

    measures = None

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        return inputs * 2


def test_all_rows_are_fitted_with_their_weights() -> None:
    objective: Any = Doubling()
    rows = Rows(7)
    expected = fit_calibration("platt", rows.inputs[:7] * 2, rows.labels[:7], rows.weights[:7])
    assert calibrate(objective, SingleRank(), rows, "platt") == expected is not None


def test_without_rows_it_is_said(caplog: pytest.LogCaptureFixture) -> None:
    objective: Any = Doubling()
    with caplog.at_level(logging.WARNING):
        assert calibrate(objective, SingleRank(), Rows(0), "temperature") is None
    assert "the validation split has no rows: probabilities are not calibrated" in caplog.text
