"""Recordings and numbers by step are learned through feed, rank and loop, exported through the gates, and scored."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dbx_dl import export_onnx
from dbx_dl.config import ExportConfig, OptimizerConfig, TrainConfig
from dbx_dl.contracts import PreparedTable
from dbx_dl.feed.rows import read_rows
from dbx_dl.score.model.session import open_model
from dbx_dl.score.predictions import predict_structs
from dbx_dl.train.run import train_network
from tests.mlflow_databases import open_tracking
from tests.prepared_tables import write_audio_table, write_steps_table

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

WRITE = {"audio": write_audio_table, "steps": write_steps_table}
NETWORKS: dict[str, dict[str, Any]] = {
    "audio": {"network": "audio_cnn", "network_options": {"num_mels": 16, "filters": 4, "hop_seconds": 0.008}},
    "steps": {"network": "gru", "network_options": {"units": 8}},
}


@pytest.mark.parametrize(
    ("framework", "kind"),
    [
        ("torch", "audio"),
        ("keras", "steps"),
        pytest.param("keras", "audio", marks=pytest.mark.matrix),
        pytest.param("torch", "steps", marks=pytest.mark.matrix),
    ],
)
def test_inputs_are_learned_exported_and_scored(spark: SparkSession, tmp_path: Path, framework: str, kind: str) -> None:
    prepared = WRITE[kind](tmp_path / "table", {"train": 96, "validation": 16, "test": 32})
    optimizer = OptimizerConfig(learning_rate=0.02)
    config = TrainConfig(launcher="in_process", num_epochs=8, optimizer=optimizer, **NETWORKS[kind])
    tracking = open_tracking(tmp_path)
    run = tmp_path / "run"
    trained = train_network(spark, prepared, config, framework=framework, directory=str(run), tracking=tracking)
    assert trained.metrics["test_accuracy"] > (0.95 if kind == "audio" else 0.85)
    if kind == "audio":
        assert {path.stem for path in (run / "figures").glob("*.png")} >= {"sample_predictions"}
    model = export_onnx(spark, trained, ExportConfig(), directory=str(tmp_path / "out"))
    assert model.parity.max_abs_difference <= 1e-5
    labels, truth = score_test_rows(Path(model.file.path), prepared)
    found = np.mean([label == name for label, name in zip(labels, truth, strict=True)])
    assert found == pytest.approx(trained.metrics["test_accuracy"])


def score_test_rows(path: Path, prepared: PreparedTable) -> tuple[list[str], list[str]]:
    """The file's labels of the test split's raw rows, step by step where steps have labels, and the true ones."""
    rows, names = read_rows(prepared, "test"), prepared.target.label_names
    (batch,) = rows.combine_chunks().to_batches()
    scored = [row for part in predict_structs(open_model(path), batch) for row in part.to_pylist()]
    truth = rows.column("label_index").to_pylist()
    if prepared.target.task == "frames":
        return [label for row in scored for label in row["labels"]], [names[one] for row in truth for one in row]
    return [row["label"] for row in scored], [names[one] for one in truth]
