"""Texts are learned by a network that writes them, exported through the gates, and written by a UDF."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dbx_dl import score_udf
from dbx_dl.config import ExportConfig, OptimizerConfig, PrepareTableConfig, TrainConfig
from dbx_dl.export.onnx_model import export_onnx
from dbx_dl.prepare.tabular.prepare import prepare_table
from dbx_dl.train.run import train_network
from tests.mlflow_databases import open_tracking

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

WORDS = ("red", "green", "blue", "old", "new")
OPTIONS = {"units": 24, "embedding_width": 16}


@pytest.mark.matrix
@pytest.mark.parametrize("framework", ["torch", "keras"])
def test_words_are_turned_round(spark: SparkSession, tmp_path: Path, framework: str) -> None:
    prepared = prepare_table(spark, configure(tmp_path))
    assert prepared.target.text is not None and prepared.target.text.max_length == 3
    optimizer = OptimizerConfig(learning_rate=0.02)
    config = TrainConfig(
        network="encoder_decoder",
        network_options=OPTIONS,
        launcher="in_process",
        batch_size=16,
        num_epochs=12,
        optimizer=optimizer,
    )
    tracking = open_tracking(tmp_path)
    run = str(tmp_path / "run")
    trained = train_network(spark, prepared, config, framework=framework, directory=run, tracking=tracking)
    losses = [epoch.metrics["train_loss"] for epoch in trained.history]
    assert losses[-1] < losses[0] / 4
    assert trained.metrics["test_exact_match"] > 0.8
    model = export_onnx(spark, trained, ExportConfig(parity_rows=16), directory=run)
    assert model.parity.share_equal_classes == 1 and model.metrics == pytest.approx(
        {name.removeprefix("test_"): value for name, value in trained.metrics.items() if name.startswith("test_")}
    )
    rows = spark.createDataFrame([("new blue",), ("old",), ("",)], "words string")
    scored = (
        rows.select("words", score_udf(spark, model.file.path)("words").alias("p")).select("words", "p.*").collect()
    )
    texts = {row["words"]: row["text"] for row in scored}
    assert {texts["new blue"], texts["old"]} == {"blue new", "old"}
    assert all(0 < row["probability"] <= 1 and row["error"] is None for row in scored)


def configure(folder: Path) -> PrepareTableConfig:
    """All texts of one to three words, three times each, and the same backwards; every split has nearly all."""
    texts = [[a] for a in WORDS] + [[a, b] for a in WORDS for b in WORDS]
    texts += [[a, b, c] for a in WORDS for b in WORDS for c in WORDS]
    rows = [(f"r{number:03d}", " ".join(words), " ".join(words[::-1])) for number, words in enumerate(texts * 3)]
    with (folder / "in.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("id", "words", "turned"), *rows])
    return PrepareTableConfig(
        source=str(folder / "in.csv"),
        table=str(folder / "table"),
        key="id",
        label="turned",
        task="sequence",
        columns={"words": {"kind": "text"}},  # type: ignore[dict-item]
    )
