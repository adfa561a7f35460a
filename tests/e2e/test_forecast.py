"""Forecasts the whole way, from a CSV file to quantiles of what is to come: of generated stores, and of a real sea."""

from __future__ import annotations

import csv
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import deltalake
import numpy as np
import pytest
import yaml

from dbx_dl.contracts import Backtest, OnnxModel, PreparedTable, Promotion, ScoredTable
from tests.e2e.conftest import ROOT, CallCli
from tests.e2e.results import keep_result

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
    place = run_and_backtest(call_cli, tmp_path, "sales_forecast", {"num_epochs": 8})
    prepared = PreparedTable.load(place / "prepared.json")
    assert prepared.num_rows == len(STORES) * sum(NUM_DAYS - 27 - ahead for ahead in range(1, NUM_AHEAD + 1))
    backtest = check_backtest(place, "daily sales", NUM_AHEAD)
    for model in load_models(place):
        assert model.metrics["coverage"] == pytest.approx(0.8, abs=0.12)
        assert BEST_MAE * 0.9 < model.metrics["mae"] < BEST_MAE * 1.3
    assert backtest.whole.naive_mae is not None and backtest.whole.naive_mae > BEST_MAE * 1.3
    assert all(part.mae_ratio is not None and part.mae_ratio < 0.9 for part in (backtest.whole, *backtest.by_horizon))
    scored = ScoredTable.load(place / "scored.json")
    assert (scored.num_rows, scored.num_errors) == (len(STORES) * NUM_AHEAD, 0)
    check_forecasts(tmp_path / "dbx_dl_sales" / "tables" / "forecasts", means)


@pytest.mark.matrix
def test_a_real_sea_is_forecast_better_than_by_the_year_before(tmp_path: Path, call_cli: CallCli) -> None:
    num_months = write_months(tmp_path / "sea" / "monthly.csv")
    place = run_and_backtest(call_cli, tmp_path, "sea_temperatures", {})
    prepared = PreparedTable.load(place / "prepared.json")
    assert prepared.num_rows == sum(num_months - 23 - ahead for ahead in (1, 2, 3))
    backtest = check_backtest(place, "sea temperatures", 3)
    # Errors of 0.50, 0.65 and 0.76 times the naive ones were seen.
    assert [part.mae_ratio is not None and part.mae_ratio < 1 for part in backtest.by_horizon] == [True] * 3
    assert backtest.whole.mae_ratio is not None and backtest.whole.mae_ratio < 0.75
    for model in load_models(place):
        assert model.metrics["coverage"] == pytest.approx(0.8, abs=0.12)
    scored = ScoredTable.load(place / "scored.json")
    assert (scored.num_rows, scored.num_errors) == (3, 0)
    forecasts = deltalake.DeltaTable(scored.table.path).to_pyarrow_table().to_pylist()
    assert all(15 < row["q10"] < row["q50"] < row["q90"] < 32 for row in forecasts)


def run_and_backtest(call_cli: CallCli, folder: Path, run: str, training: dict[str, Any]) -> Path:
    """The directory of a run of `conf/runs` whose training is changed, and whose champion was looked back at."""
    values = yaml.safe_load((ROOT / "conf" / "runs" / f"{run}.yml").read_text())
    values["train"] |= training
    (folder / "run.yml").write_text(yaml.safe_dump(values))
    for command in ("run", "backtest"):
        arguments = ("run.yml",) if command == "run" else ("--config", "run.yml")
        printed = call_cli(command, *arguments, directory=folder)
        assert printed.returncode == 0, printed.stderr[-3000:]
    assert "seasonal naive MAE" in printed.stdout and "1 ahead" in printed.stdout
    return folder / str(values["directory"])


def load_models(place: Path) -> list[OnnxModel]:
    """Those of both frameworks."""
    return [OnnxModel.load(place / framework / "onnx.json") for framework in ("keras", "torch")]


def check_backtest(place: Path, data: str, num_ahead: int) -> Backtest:
    """The whole is the champion's error on the test split, and all models beat the seasonal naive forecast."""
    found = Backtest.load(place / "backtest.json")
    promotion = Promotion.load(place / "promotion.json")
    (champion,) = (version for version in promotion.models if version.version == promotion.champion_version)
    models = load_models(place)
    (model,) = (model for model in models if model.file.sha256 == champion.sha256)
    assert found.whole.mae == pytest.approx(model.metrics["mae"], rel=1e-3)
    assert [part.part for part in found.by_horizon] == [str(ahead) for ahead in range(1, num_ahead + 1)]
    assert len(found.by_origin) > 30 and sum(part.num_rows for part in found.by_origin) == found.whole.num_rows
    assert found.whole.naive_mae is not None
    for model in models:
        assert model.parity.max_abs_difference <= 1e-4
        # The pinball loss of a number is half its error at a level and its opposite together, so at all three.
        keep_result(model, data, found.whole.naive_mae / 2)
    return found


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


def write_months(path: Path) -> int:
    """A row a month, of statsmodels' table of years; how many there are."""
    from statsmodels.datasets import elnino

    years = elnino.load_pandas().data.to_numpy()
    lines = [
        [date(int(year), number, 1).isoformat(), celsius]
        for year, *months in years
        for number, celsius in enumerate(months, start=1)
    ]
    path.parent.mkdir(parents=True)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([["month", "celsius"], *lines])
    return len(lines)
