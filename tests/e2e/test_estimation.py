"""Quantiles and distributions from a table of numbers to predictions with named fields, near the best that can be had.

The rows are generated, so that the best attainable score is known: that of the distribution they were drawn from.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import deltalake
import numpy as np
import pytest
import yaml
from scipy import stats
from sklearn.datasets import load_diabetes

from dbx_dl.contracts import OnnxModel, Promotion, ScoredTable, Target
from dbx_dl.tasks import task_of
from tests.e2e.conftest import ROOT, CallCli
from tests.e2e.results import keep_result

NUM_ROWS = 3000
LEVELS = (0.05, 0.5, 0.95)
# task -> settings of training, the scorer's fields, and how much above the best score is allowed.
CASES: dict[str, tuple[dict[str, Any], tuple[str, ...], float]] = {
    "quantiles": ({"quantiles": list(LEVELS)}, ("q5", "q50", "q95"), 0.02),
    "gaussian": ({}, ("mean", "deviation"), 0.08),
    "negative_binomial": ({}, ("mean", "dispersion"), 0.05),
}


@pytest.mark.matrix
@pytest.mark.parametrize("task", CASES)
def test_a_distribution_is_learned_and_scored(tmp_path: Path, call_cli: CallCli, task: str) -> None:
    settings, fields, margin = CASES[task]
    x, truth, labels = draw(task)
    lines = [{"id": f"{i:04d}", "x": float(x[i]), "y": float(labels[i])} for i in range(NUM_ROWS)]
    (tmp_path / "in.json").write_text("\n".join(map(json.dumps, lines)))
    (tmp_path / "run.yml").write_text(yaml.safe_dump(configure(task, settings)))
    printed = call_cli("run", "run.yml", directory=tmp_path)
    assert printed.returncode == 0, printed.stderr[-3000:]
    rows = read_test_rows(tmp_path / "tables" / "rows", "id")
    kind = task_of(Target(task=task, column="y", quantiles=tuple(settings.get("quantiles", ()))))  # type: ignore[arg-type]
    best, blind = (
        kind.measure(labels[rows], predictions)[kind.default_metric]
        for predictions in (truth[rows], np.tile(fit_alike(task, labels), (len(rows), 1)))
    )
    for framework in ("keras", "torch"):
        model = OnnxModel.load(tmp_path / "run" / framework / "onnx.json")
        assert model.parity.max_abs_difference <= 1e-4
        assert best - margin < model.metrics[kind.default_metric] < best + margin
        if "coverage" in model.metrics:
            assert model.metrics["coverage"] == pytest.approx(0.9, abs=0.05)
        keep_result(model, "numbers drawn", blind)
    promotion = Promotion.load(tmp_path / "run" / "promotion.json")
    assert promotion.metric == kind.default_metric and promotion.champion_version is not None
    assert promotion.values[promotion.champion_version] < blind - margin
    scored = ScoredTable.load(tmp_path / "run" / "scored.json")
    assert (scored.num_rows, scored.num_errors) == (NUM_ROWS, 0)
    check_predictions(tmp_path, fields, truth)


@pytest.mark.matrix
def test_quantiles_of_patients_are_better_than_those_of_all(tmp_path: Path, call_cli: CallCli) -> None:
    assert call_cli("demo", "--data-only", directory=tmp_path).returncode == 0
    (tmp_path / "run.yml").write_text((ROOT / "conf" / "runs" / "diabetes.yml").read_text())
    printed = call_cli("run", "run.yml", directory=tmp_path)
    assert printed.returncode == 0, printed.stderr[-3000:]
    place, labels = tmp_path / "dbx_dl_demo", load_diabetes().target
    rows = read_test_rows(place / "tables" / "diabetes", "patient")
    blind = np.tile(np.quantile(np.delete(labels, rows), (0.1, 0.5, 0.9)), (len(rows), 1))
    of_all = task_of("quantiles").measure(labels[rows], blind)["pinball"]
    for framework in ("keras", "torch"):
        model = OnnxModel.load(place / "runs" / "diabetes" / framework / "onnx.json")
        keep_result(model, "diabetes", of_all)
        # Seen were 0.77 and 0.78 times the loss of the quantiles of all, and coverages of 0.81 and 0.86 of 59 patients.
        assert model.metrics["pinball"] < 0.9 * of_all
        assert model.metrics["coverage"] == pytest.approx(0.8, abs=0.2)
    scored = ScoredTable.load(place / "runs" / "diabetes" / "scored.json")
    assert (scored.num_rows, scored.num_errors) == (len(labels), 0)
    scores = deltalake.DeltaTable(scored.table.path).to_pyarrow_table().to_pylist()
    assert all(row["q10"] <= row["q50"] <= row["q90"] for row in scores)


def draw(task: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Inputs (N,), the true predictions (N, P) and labels (N,), whose spread hangs on the input as well."""
    random = np.random.default_rng(1)
    x = random.uniform(-2, 2, NUM_ROWS)
    if task == "negative_binomial":
        mean, dispersion = np.exp(1.5 + 0.7 * x), 0.2 + 0.2 * (x + 2)
        counts = random.poisson(random.gamma(1 / dispersion, mean * dispersion))
        return x, np.stack([mean, dispersion], axis=1), counts
    mean, deviation = 20 + 3 * np.sin(2 * x), 0.4 + 0.5 * np.abs(x)
    labels = random.normal(mean, deviation)
    if task == "gaussian":
        return x, np.stack([mean, deviation], axis=1), labels
    return x, mean[:, None] + deviation[:, None] * stats.norm.ppf(LEVELS), labels


def fit_alike(task: str, labels: np.ndarray) -> np.ndarray:
    """The one distribution of all labels, which knows nothing of a row, as a prediction (P,)."""
    if task == "quantiles":
        return np.quantile(labels, LEVELS)
    mean, variance = labels.mean(), labels.var()
    return np.array([mean, variance**0.5 if task == "gaussian" else (variance - mean) / mean**2])


def configure(task: str, settings: dict[str, Any]) -> dict[str, Any]:
    source = {"source": "in.json", "source_format": "json", "key": "id"}
    prepared_for = "count" if task == "negative_binomial" else "regression"
    return {
        "name": "estimation",
        "directory": "run",
        "frameworks": ["keras", "torch"],
        "tracking": {"uri": "sqlite:///m.db", "artifacts": "artifacts"},
        "prepare": {"kind": "table", **source, "table": "./tables/rows", "label": "y", "task": prepared_for},
        "train": {
            "task": task,
            **settings,
            "network": "mlp",
            "network_options": {"hidden_units": 32},
            "num_ranks": 2,
            "batch_size": 32,
            "num_epochs": 40,
            "optimizer": {"name": "adam", "learning_rate": 0.01, "decay": "cosine"},
        },
        "registry": {"name": "estimation"},
        "score": {**source, "model": "models:/estimation@champion", "table": "./tables/scores"},
    }


def read_test_rows(table: Path, key: str) -> np.ndarray:
    """Places of the test split's rows, with which keys end."""
    rows = deltalake.DeltaTable(str(table)).to_pyarrow_table(columns=[key, "split"]).to_pylist()
    return np.array(sorted(int(row[key].rpartition("-")[2]) for row in rows if row["split"] == "test"))


def check_predictions(folder: Path, fields: tuple[str, ...], truth: np.ndarray) -> None:
    """Every field is a column, and follows the truth."""
    table = deltalake.DeltaTable(str(folder / "tables" / "scores")).to_pyarrow_table().sort_by("key")
    found = np.stack([table.column(name).to_numpy() for name in fields], axis=1)
    for place, name in enumerate(fields):
        assert np.corrcoef(found[:, place], truth[:, place])[0, 1] > 0.8, name
    if fields[0] == "q5":
        assert (np.diff(found, axis=1) >= 0).all()
