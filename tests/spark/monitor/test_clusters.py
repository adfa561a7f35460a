"""Groups of known make are found, exported behind the gates, scored, and told as tables and pictures."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from mlflow import MlflowClient

import dbx_dl
from dbx_dl.config import ExportConfig, OptimizerConfig, TrainConfig
from dbx_dl.contracts import ClusterProfiles, OnnxModel, PreparedTable
from dbx_dl.errors import ConfigError
from dbx_dl.export.onnx_model import export_onnx
from dbx_dl.monitor.clusters.profile import profile_clusters
from dbx_dl.runtime.tables import read_pinned
from dbx_dl.train.run import train_network
from tests.mlflow_databases import open_tracking
from tests.prepared_tables import SPEC, describe, write_table

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ROWS = {"train": 240, "validation": 60, "test": 90}
# Three groups of one deviation, at least 7 deviations apart: no row is nearer to another group's middle.
MIDDLES, COLOURS = ((-4.0, 0.0), (4.0, 0.0), (0.0, 6.0)), ("red", "blue", None)
SHARES = (0.5, 0.3, 0.2)
CASES: dict[str, dict[str, Any]] = {
    "keras": {"network": "kmeans", "num_epochs": 4},
    "torch": {
        "network": "deep_kmeans",
        "network_options": {"hidden_units": 16, "code_size": 2, "pretraining_epochs": 6},
        "num_epochs": 10,
    },
}


def write_groups(folder: Path) -> PreparedTable:
    random = np.random.default_rng(5)
    tables = []
    for split, num_rows in ROWS.items():
        groups = random.choice(3, num_rows, p=SHARES)
        points = np.array(MIDDLES)[groups] + random.normal(size=(num_rows, 2))
        columns = {
            "key": [f"{split}-{row:05d}" for row in range(num_rows)],
            "x": points[:, 0],
            "y": points[:, 1],
            "colour": [COLOURS[group] for group in groups],
            "label_index": pa.array(groups.astype(np.int32)),
        }
        tables.append((split, pa.table(columns)))
    version = write_table(folder, tables)
    return describe(folder, version, ROWS, SPEC, ("left", "right", "top"))


@pytest.mark.parametrize("framework", [pytest.param("keras", marks=pytest.mark.matrix), "torch"])
def test_groups_go_from_rows_to_profiles(spark: SparkSession, tmp_path: Path, framework: str) -> None:
    prepared, run = write_groups(tmp_path / "table"), tmp_path / "run"
    config = TrainConfig(
        task="clustering", num_clusters=3, launcher="in_process", optimizer=OptimizerConfig(learning_rate=0.02),
        batch_size=16, **CASES[framework],
    )  # fmt: skip
    tracking = open_tracking(tmp_path)
    trained = train_network(spark, prepared, config, framework=framework, directory=str(run), tracking=tracking)
    assert trained.metrics["test_adjusted_rand_index"] == pytest.approx(1.0)
    # Rows of one cluster, or in clusters at random, have about 0.
    assert trained.metrics["test_simplified_silhouette"] > 0.6
    model = export_onnx(spark, trained, ExportConfig(), directory=str(run))
    for name, value in model.metrics.items():
        assert value == pytest.approx(trained.metrics[f"test_{name}"], rel=1e-4, abs=1e-6)
    check_scores(spark, model)
    check_profiles(profile_clusters(spark, model, directory=str(run), tracking=tracking), model, run)
    files = {file.path for file in MlflowClient(tracking.uri).list_artifacts(trained.run_id, "clusters")}
    assert files == {f"clusters/clusters.{kind}" for kind in ("json", "csv", "md", "png")}


def check_scores(spark: SparkSession, model: OnnxModel) -> None:
    rows = read_pinned(spark, model.trained.prepared.table)
    predict = dbx_dl.score_udf(spark, model.file.path)
    found = rows.select("x", "y", "label_index", predict().alias("p")).select("x", "y", "label_index", "p.*").toPandas()
    assert found["error"].isna().all()
    assert found.groupby("label_index")["cluster"].nunique().tolist() == [1, 1, 1]
    assert found["cluster"].nunique() == 3
    assert (found["distance"] < found["other_distance"]).all()
    assert np.stack(found["probabilities"]).sum(axis=1) == pytest.approx(1.0)
    assert (found["probability"] == [max(row) for row in found["probabilities"]]).all()
    assert ("embedding" in found.columns) == (model.trained.network == "deep_kmeans")


def check_profiles(found: ClusterProfiles, model: OnnxModel, run: Path) -> None:
    assert ClusterProfiles.load(run / "clusters.json") == found
    assert (found.num_rows, found.num_sampled, found.split) == (sum(ROWS.values()), ROWS["test"], "test")
    by_class = {profile.value: profile for profile in found.classes}
    order = [int(np.argmax(by_class[name].clusters)) for name in ("left", "right", "top")]
    assert sorted(order) == [0, 1, 2]
    x, y = found.numbers
    assert (x.column, y.column) == ("x", "y")
    for group, cluster in enumerate(order):
        assert found.sizes[cluster] == pytest.approx(SHARES[group] * found.num_rows, rel=0.25)
        summary = x.clusters[cluster], y.clusters[cluster]
        assert [part.mean for part in summary] == pytest.approx(MIDDLES[group], abs=0.4)
        assert [part.median for part in summary] == pytest.approx(MIDDLES[group], abs=0.5)
        assert [part.deviation for part in summary] == pytest.approx([1, 1], abs=0.25)
    red = next(value for value in found.values if value.value == "red")
    assert red.clusters[order[0]] == 1 and red.lift(order[0]) == pytest.approx(1 / red.whole)
    left_right = next(pair for pair in found.pairs if {pair.first, pair.second} == set(order[:2]))
    assert {contrast.column for contrast in left_right.apart[:2]} == {"x", "colour"}
    text = (run / "clusters.md").read_text()
    assert "| x: mean |" in text and "colour is red | 100 % |" in text and "the most alike first" in text
    rows = list(csv.reader((run / "clusters.csv").open()))
    assert rows[1] == ["", "", "rows", str(found.num_rows), *map(str, found.sizes)]
    assert found.silhouettes["inputs"] > 0.5 and all(value and value > 0.4 for value in found.silhouette_by_cluster)
    assert set(found.silhouettes) == ({"inputs", "code"} if model.trained.network == "deep_kmeans" else {"inputs"})
    assert all(keys and all(key.startswith("test-") for key in keys) for keys in found.nearest)
    assert (run / "figures" / "clusters.png").stat().st_size > 5000


def test_only_clusters_have_profiles(spark: SparkSession, tmp_path: Path) -> None:
    from tests.unit.monitor.run_report.finished_run import finished_run

    with pytest.raises(ConfigError, match="only clusters have profiles"):
        profile_clusters(
            spark, finished_run("images").registered[0].onnx, directory=str(tmp_path), tracking=open_tracking(tmp_path)
        )
