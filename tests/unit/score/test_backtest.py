"""Errors of windows by horizon and origin, beside a baseline's, as numbers and as a table of text."""

from __future__ import annotations

import numpy as np
import pytest

from dbx_dl.contracts import Backtest, TableVersion
from dbx_dl.score.backtest import _measure, _measure_parts

ERRORS, NAIVE = np.array([1.0, 2.0, 3.0, 2.0]), np.array([2.0, 2.0, 6.0, 6.0])
HORIZONS = np.array([1, 2, 1, 2])


def test_parts_are_measured_apart() -> None:
    first, second = _measure_parts(HORIZONS, ERRORS, NAIVE)
    assert (first.part, first.num_rows, first.mae, first.naive_mae, first.mae_ratio) == ("1", 2, 2.0, 4.0, 0.5)
    assert first.rmse == pytest.approx(5**0.5)
    assert (second.mae, second.mae_ratio) == (2.0, 0.5)
    assert _measure("all", ERRORS, None).naive_mae is None
    assert _measure("all", ERRORS, np.zeros(4)).mae_ratio is None


def test_the_table_of_text_has_the_whole_first() -> None:
    parts = _measure_parts(HORIZONS, ERRORS, None)
    found = Backtest(
        model="m",
        table=TableVersion(name="t", path="/t", version=1),
        split="test",
        whole=_measure("all", ERRORS, NAIVE),
        by_horizon=parts,
        by_origin=(),
    )
    header, whole, first, _ = found.tabulate()
    assert header == ("windows", "rows", "MAE", "RMSE", "seasonal naive MAE", "ratio")
    assert whole == ("all", "4", "2", "2.121", "4", "0.5")
    assert first == ("1 ahead", "2", "2", "2.236", "–", "–")
