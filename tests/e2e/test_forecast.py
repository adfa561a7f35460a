"""The sales forecast run on generated stores: from a CSV file of days to quantiles of the days to come."""

from __future__ import annotations

import csv
from datetime import date, timedelta
from pathlib import Path

import deltalake
import numpy as np
import pytest
import yaml

from dbx_dl.contracts import Backtest, OnnxModel, PreparedTable, ScoredTable
from tests.e2e.conftest import CallCli
from tests.e2e.results import keep_result

RUN = Path(__file__).parents[2] / "conf" / "runs" / "sales_forecast.yml"
STORES = ("north", "south", "east", "west")
NUM_DAYS, NUM_AHEAD = 600, 7
START = date(2023, 1, 2)
WEEK = np.array([0.0, -4.0, -6.0, 2.0, 10.0, 24.0, 12.0])
EVENT_SALES, DEVIATION = 15.0, 4.0
# Of the true mean, and of the median where it is known.
BEST_MAE = DEVIATION * np.sqrt(2 / np.pi)


@pytest.mark.matrix
def test_days_to_come_are_forecast_better_than_by_the_week_before(tmp_path: Path, call_cli: CallCli) -> None:
    means = write_days(tmp_path / "sales" / "daily.csv")
    values = yaml.safe_load(RUN.read_text())
    values["frameworks"] = ["torch"]
    values["train"]["num_epochs"] = 8
    (tmp_path / "run.yml").write_text(yaml.safe_dump(values))
    printed = call_cli("run", "run.yml", directory=tmp_path)
    assert printed.returncode == 0, printed.stderr[-3000:]
    place = tmp_path / "dbx_dl_sales" / "runs" / "sales_forecast"
    prepared = PreparedTable.load(place / "prepared.json")
    assert prepared.num_rows == len(STORES) * sum(NUM_DAYS - 27 - ahead for ahead in range(1, NUM_AHEAD + 1))
    model = OnnxModel.load(place / "torch" / "onnx.json")
    assert model.metrics["coverage"] == pytest.approx(0.8, abs=0.12)
    assert BEST_MAE * 0.9 < model.metrics["mae"] < BEST_MAE * 1.3
    printed = call_cli("backtest", "--config", "run.yml", directory=tmp_path)
    assert printed.returncode == 0, printed.stderr[-3000:]
    assert "seasonal naive MAE" in printed.stdout and "1 ahead" in printed.stdout
    backtest = Backtest.load(place / "backtest.json")
    check_backtest(backtest, model)
    # The pinball loss of a number is half its error at a level and its opposite together, so at all three.
    keep_result(model, "daily sales", backtest.whole.naive_mae and backtest.whole.naive_mae / 2)
    scored = ScoredTable.load(place / "scored.json")
    assert (scored.num_rows, scored.num_errors) == (len(STORES) * NUM_AHEAD, 0)
    check_forecasts(tmp_path / "dbx_dl_sales" / "tables" / "forecasts", means)


def check_backtest(found: Backtest, model: OnnxModel) -> None:
    """The whole is the test split's error; the baseline is beaten at every horizon."""
    assert found.whole.mae == pytest.approx(model.metrics["mae"], rel=1e-3)
    assert [part.part for part in found.by_horizon] == [str(ahead) for ahead in range(1, NUM_AHEAD + 1)]
    assert found.whole.naive_mae is not None and found.whole.naive_mae > BEST_MAE * 1.3
    assert all(part.mae_ratio is not None and part.mae_ratio < 0.9 for part in (found.whole, *found.by_horizon))
    assert len(found.by_origin) > 30 and sum(part.num_rows for part in found.by_origin) == found.whole.num_rows


def check_forecasts(table: Path, means: dict[tuple[str, int], float]) -> None:
    """Medians are near the true means, which are within the quantiles; events that are known ahead count."""
    rows = deltalake.DeltaTable(str(table)).to_pyarrow_table().to_pylist()
    origin = (START + timedelta(NUM_DAYS - 1)).isoformat()
    expected = {
        f"{store}|{origin}|+{ahead}": means[store, NUM_DAYS - 1 + ahead]
        for store in STORES
        for ahead in range(1, NUM_AHEAD + 1)
    }
    assert {row["key"] for row in rows} == set(expected)
    errors = np.array([row["q50"] - expected[row["key"]] for row in rows])
    assert np.abs(errors).mean() < DEVIATION
    assert np.mean([row["q10"] < expected[row["key"]] < row["q90"] for row in rows]) > 0.8


def write_days(path: Path) -> dict[tuple[str, int], float]:
    """A row a day and store, the last ones without sales; returns the true mean of each."""
    random = np.random.default_rng(3)
    means, lines = {}, []
    for number, store in enumerate(STORES):
        events = random.random(NUM_DAYS + NUM_AHEAD) < 0.1
        for day in range(NUM_DAYS + NUM_AHEAD):
            moment = START + timedelta(day)
            mean = 100 + 10 * number + WEEK[moment.weekday()] + EVENT_SALES * events[day]
            means[store, day] = float(mean)
            sales = f"{random.normal(mean, DEVIATION):.2f}" if day < NUM_DAYS else ""
            lines.append([moment.isoformat(), store, "sale" if events[day] else "none", sales])
    path.parent.mkdir(parents=True)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([["day", "store", "event", "sales"], *lines])
    return means
