"""Numbers, counts and label sets are learned through feed, rank and loop, and their metrics come out right."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dbx_dl.config import OptimizerConfig, TrainConfig
from dbx_dl.contracts import TaskName
from dbx_dl.feed.rows import read_rows
from dbx_dl.train.run import train_network
from tests.mlflow_databases import open_tracking
from tests.prepared_tables import write_number_table

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

CASES = {
    "regression": ({}, "rmse", lambda truth: truth.std() / 3),
    "count": ({}, "poisson_deviance", lambda truth: 1.5),
    "multilabel": ({"label_smoothing": 0.05}, "log_loss", lambda truth: 0.4),
}


@pytest.mark.parametrize(
    ("framework", "task"),
    [
        ("torch", "regression"),
        ("keras", "count"),
        pytest.param("torch", "multilabel", marks=pytest.mark.matrix),
        pytest.param("torch", "count", marks=pytest.mark.matrix),
        pytest.param("keras", "regression", marks=pytest.mark.matrix),
        pytest.param("keras", "multilabel", marks=pytest.mark.matrix),
    ],
)
def test_a_task_is_learned(spark: SparkSession, tmp_path: Path, framework: str, task: TaskName) -> None:
    changes, metric, bound = CASES[task]
    prepared = write_number_table(tmp_path / "table", task, {"train": 320, "validation": 60, "test": 80})
    optimizer = OptimizerConfig(learning_rate=0.02)
    config = TrainConfig(network="mlp", launcher="in_process", num_epochs=12, optimizer=optimizer, **changes)
    tracking = open_tracking(tmp_path)
    trained = train_network(
        spark, prepared, config, framework=framework, directory=str(tmp_path / "run"), tracking=tracking
    )
    truth, found = _read_test_rows(task, tmp_path / "run", prepared)
    assert trained.metrics[f"test_{metric}"] < bound(truth)
    assert found.shape == truth.shape
    if task == "regression":
        # In the label's own unit, although the network learned a normalized one.
        expected = float(np.sqrt(np.mean((found - truth) ** 2)))
        assert trained.metrics["test_rmse"] == pytest.approx(expected, rel=1e-4)
    if task == "multilabel":
        assert ((found > 0.5) == truth).mean() > 0.9


def _read_test_rows(task: TaskName, run: Path, prepared: Any) -> tuple[np.ndarray, np.ndarray]:
    """Labels and predictions of the test split, in key order."""
    with np.load(run / "test_predictions.npz", allow_pickle=False) as arrays:
        found = arrays["probabilities" if task == "multilabel" else "predictions"]
        labels, keys = arrays["labels"], arrays["keys"]
    assert keys.tolist() == read_rows(prepared, "test").column(0).to_pylist()
    return labels, found
