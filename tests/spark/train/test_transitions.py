"""Transitions are counted in Spark, from the train split alone, and trained models come of them without ranks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from deltalake import write_deltalake
from pyspark.sql import SparkSession

from dbx_dl import train_network
from dbx_dl.config import TrainConfig
from dbx_dl.contracts import CategoricalFeature, FeatureSpec, PreparedTable
from dbx_dl.train.transitions import count_transitions
from tests.mlflow_databases import open_tracking
from tests.prepared_tables import describe

ROWS = {
    "train": [("home", 1), ("home", 1), ("home", 0), ("cart", 0), ("unseen", 0), (None, 1)],
    "test": [("home", 1), ("cart", 0), (None, 0)],
}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> PreparedTable:
    folder = tmp_path_factory.mktemp("transitions")
    for split, rows in ROWS.items():
        columns = {
            "key": [f"{split}-{row}" for row in range(len(rows))],
            "page": pa.array([state for state, _ in rows], pa.string()),
            "label_index": pa.array([label for _, label in rows], pa.int32()),
            "split": [split] * len(rows),
        }
        write_deltalake(folder, pa.table(columns), mode="append", partition_by=["split"])
    spec = FeatureSpec(features=(CategoricalFeature(column="page", categories=("cart", "home")),))
    sizes = {split: len(rows) for split, rows in ROWS.items()}
    return describe(folder, 1, sizes, spec, ("cart", "home"))


def test_rows_of_the_train_split_are_counted(spark: SparkSession, prepared: PreparedTable) -> None:
    assert count_transitions(spark, prepared).tolist() == [[3, 3], [1, 0], [1, 2]]


@pytest.mark.matrix
def test_a_chain_is_a_trained_model(spark: SparkSession, prepared: PreparedTable, tmp_path: Path) -> None:
    trained = train_network(
        spark,
        prepared,
        TrainConfig(network="markov_chain", network_options={"smoothing": 1.0}),
        framework="torch",
        directory=str(tmp_path / "run"),
        tracking=open_tracking(tmp_path),
    )
    expected = np.array([[2 / 5, 3 / 5], [2 / 3, 1 / 3], [1 / 2, 1 / 2]])
    with np.load(tmp_path / "run" / "test_predictions.npz") as saved:
        assert saved["keys"].tolist() == ["test-0", "test-1", "test-2"]
        np.testing.assert_allclose(saved["probabilities"], expected, atol=1e-6)
    assert trained.metrics["test_log_loss"] == pytest.approx(-np.log([3 / 5, 2 / 3, 1 / 2]).mean())
    assert len(trained.history) == 1
