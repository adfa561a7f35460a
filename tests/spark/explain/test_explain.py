"""Explanations of registered images and tables on Spark: what was planted is found, and errors are clear."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import pyarrow as pa
import pytest
from PIL import Image
from pyspark.sql import DataFrame, SparkSession

from dbx_dl import explain_table, explain_udf, measure_dependence, measure_importance, register_model
from dbx_dl.config import (
    DependenceConfig,
    ExplainConfig,
    ImportanceConfig,
    MethodName,
    RegisterConfig,
    ScoreConfig,
    TrackingConfig,
)
from dbx_dl.config.explain import OcclusionOptions
from dbx_dl.contracts import FileDigest, Importances, PreparedTable
from dbx_dl.errors import ConfigError, DataError
from dbx_dl.explain import table
from dbx_dl.explain.arrow_streams import read_stream
from dbx_dl.explain.background import draw_background
from dbx_dl.explain.page.page import write_page
from dbx_dl.export.onnx_model import write_model
from dbx_dl.monitor.run_report.explanations import EXPLAINED, MAX_SHOWN, read_explanations
from dbx_dl.runtime.table_writes import replace_table
from tests.onnx_models import describe_onnx, make_metadata, make_network
from tests.prepared_tables import describe, encode_png, write_feature_table, write_table
from tests.registered_models import GOOD, start_run
from tests.trained_networks import PATCH, TARGET, plant, train
from tests.udf_kinds import AVAILABLE_KINDS

NUM_IMAGES = 12


@dataclass(frozen=True)
class Trained:
    """A registered model of planted images, and where things lie."""

    folder: Path
    images: PreparedTable
    uri: str
    score: ScoreConfig
    tracking: TrackingConfig


@pytest.fixture(scope="module")
def tracking(tmp_path_factory: pytest.TempPathFactory) -> TrackingConfig:
    folder = tmp_path_factory.mktemp("mlflow")
    return TrackingConfig(uri=f"sqlite:///{folder}/m.db", experiment="tests", artifacts=str(folder / "artifacts"))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, tracking: TrackingConfig) -> Trained:
    """A convnet trained with PyTorch, registered with its network; a source with one broken image."""
    folder = tmp_path_factory.mktemp("explained")
    planted, stored = plant("images"), train("images", "torch", folder / "torch")
    images = write_planted(folder / "images", planted.rows[:NUM_IMAGES], planted.labels[:NUM_IMAGES])
    metadata = make_metadata(planted.inputs, TARGET.label_names, images.table)
    path = folder / "torch" / "model.onnx"
    write_model(onnx.load_model(str(folder / "torch" / "images.onnx")), metadata, path)
    weights = FileDigest(path=str(folder / "torch" / stored.weights.path), sha256=stored.weights.sha256)
    changes = {"network": stored.network, "network_options": stored.network_options, "weights": weights, "seed": 1}
    model = describe_onnx(images, path, {"accuracy": 1.0}, start_run(tracking))
    model = model.model_copy(update={"trained": model.trained.model_copy(update=changes)})
    registered = register_model(model, RegisterConfig(name="planted"), tracking=tracking)
    score = ScoreConfig(
        source=str(folder / "images"), source_format="delta", key="path", model=registered.uri, table="unused/scores"
    )
    return Trained(folder, images, registered.uri, score, tracking)


def write_planted(folder: Path, images: np.ndarray, labels: np.ndarray) -> PreparedTable:
    content = [*map(encode_png, images[..., 0]), b"no image"]
    columns = {
        "path": [f"{row:03d}.png" for row in range(len(content))],
        "content": pa.array(content, pa.binary()),
        "label_index": pa.array([*labels.tolist(), 0], pa.int32()),
    }
    version = write_table(folder, [("test", pa.table(columns))], 10_000, 10_000)
    return describe(
        folder, version, {"test": len(content)}, plant("images").inputs, TARGET.label_names, key_column="path"
    )


@pytest.fixture(scope="module")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> PreparedTable:
    return write_feature_table(
        tmp_path_factory.mktemp("numbers") / "table", {"train": 40, "validation": 10, "test": 60}
    )


@pytest.mark.parametrize(
    "methods", [("occlusion", "integrated_gradients"), pytest.param(("grad_cam",), marks=pytest.mark.matrix)]
)
def test_images_are_explained_by_each_method_into_a_table(
    spark: SparkSession, trained: Trained, methods: tuple[MethodName, ...]
) -> None:
    inside = np.zeros((12, 12), bool)
    inside[PATCH] = True
    tables = {}
    for method in methods:
        # Of the shade of what is usual, and as large as what is planted: a part of it would decide as well.
        occlusion = OcclusionOptions(patch=5, stride=1, fill=50)
        config = ExplainConfig(table=str(trained.folder / "explained"), method=method, label="up", occlusion=occlusion)
        found = explain_table(spark, config, trained.score, tracking=trained.tracking)
        assert (found.num_rows, found.num_errors, found.method) == (NUM_IMAGES + 1, 1, method)
        assert (found.model_name, found.model_version) == ("planted", 1)
        assert (found.largest_gap is None) == (method != "integrated_gradients")
        rows = spark.read.format("delta").load(config.table).orderBy("key").collect()
        assert [row["error"] is None for row in rows] == [True] * NUM_IMAGES + [False]
        assert rows[-1]["error"].startswith("not_an_image") and rows[-1]["heat_map"] is None
        up = [row for row in rows if row["label"] == "up"]
        assert up and all(row["explained_label"] == "up" and row["model_sha256"] for row in up)
        heat = np.mean([_read_red(row["heat_map"]) for row in up], axis=0)
        # Grad-CAM need not see the patch: it weighs channels by their mean over all places.
        assert method == "grad_cam" or heat[inside].mean() > 2 * heat[~inside].mean(), method
        assert _read_size(up[0]["overlay"]) == _read_size(up[0]["heat_map"]) == (132, 132)
        tables[method] = found
    page = write_page(spark, tables[methods[-1]], trained.folder / "page.html", title="planted")
    text = page.read_text()
    assert text.count('<div class="triple">') == NUM_IMAGES and "Traceback" not in text
    # The run's page shows them too, if they are of its model.
    tables[methods[-1]].save(trained.folder / EXPLAINED)
    shown = read_explanations(spark, trained.folder, {tables[methods[-1]].model_sha256})
    assert shown is not None and len(shown.rows) == min(NUM_IMAGES, MAX_SHOWN)
    assert all(row.overlay and row.heat and not row.contributions for row in shown.rows)
    assert read_explanations(spark, trained.folder, {"0" * 64}) is None
    gone = tables[methods[-1]].model_copy(update={"table": found.table.model_copy(update={"version": 99})})
    gone.save(trained.folder / EXPLAINED)
    assert read_explanations(spark, trained.folder, {gone.model_sha256}) is None


def _read_red(png: bytes) -> np.ndarray:
    """How much redder than blue a heat map's pixels are, at the images' own size."""
    pixels = np.asarray(Image.open(io.BytesIO(png)).convert("RGB"), int)[::11, ::11]
    return np.maximum(pixels[..., 0] - pixels[..., 2], 0)


def _read_size(png: bytes) -> tuple[int, int]:
    return Image.open(io.BytesIO(png)).size


def _write_before(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let another writer make the transaction of the next run, just before that one does."""

    def write_after(rows: DataFrame, name: str) -> None:
        monkeypatch.setattr(table, "replace_table", replace_table)
        other = spark.newSession()
        for key in ("AppId", "Version"):
            setting = f"spark.databricks.delta.write.txn{key}"
            other.conf.set(setting, spark.conf.get(setting))
        present = other.read.format("delta").load(name)
        present.limit(1).write.format("delta").mode("append").save(name)
        replace_table(rows, name)

    monkeypatch.setattr(table, "replace_table", write_after)


def test_explaining_again_gives_the_same_table_and_another_table_is_kept(
    spark: SparkSession, trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = ExplainConfig(table=str(trained.folder / "again"), max_rows=5, seed=3)
    first = explain_table(spark, config, trained.score, tracking=trained.tracking)
    second = explain_table(spark, config, trained.score, tracking=trained.tracking)
    assert (first.num_rows, second.num_rows, second.table.version) == (5, 5, first.table.version + 1)
    tables = [
        spark.sql(f"SELECT * FROM delta.`{config.table}` VERSION AS OF {found.table.version}").drop("explained_at")
        for found in (first, second)
    ]
    assert tables[0].orderBy("key").collect() == tables[1].orderBy("key").collect()
    with pytest.raises(DataError, match="exists and holds no explanations"):
        other = config.model_copy(update={"table": trained.score.source})
        explain_table(spark, other, trained.score, tracking=trained.tracking)
    _write_before(spark, monkeypatch)
    third = explain_table(spark, config.model_copy(update={"seed": 4}), trained.score, tracking=trained.tracking)
    # Delta leaves out the first try without an error: another writer has made its transaction.
    assert third.table.version == second.table.version + 2 and third.num_rows == 5
    monkeypatch.undo()
    files = trained.folder / "files"
    (files / "up").mkdir(parents=True)
    for number, image in enumerate(plant("images").rows[:7]):
        (files / "up" / f"{number} [a].png").write_bytes(encode_png(image[..., 0]))
    score = trained.score.model_copy(update={"source": str(files), "source_format": "images", "key": None})
    found = explain_table(spark, config, score, tracking=trained.tracking)
    keys = {row["key"] for row in spark.read.format("delta").load(config.table).collect()}
    assert (found.num_rows, found.num_errors) == (5, 0) and all(key.startswith("up/") for key in keys)
    none = config.model_copy(update={"where": "path = 'nowhere'"})
    assert explain_table(spark, none, trained.score, tracking=trained.tracking).num_rows == 0


def test_columns_are_explained_alike_by_both_kinds_of_functions(
    spark: SparkSession, tmp_path: Path, numbers: PreparedTable
) -> None:
    model = _write_model(tmp_path, numbers, np.array([[-1, 1], [0, 0], [0, 0], [0, 0], [0, 0]], np.float32))
    rows = spark.read.format("delta").load(numbers.table.path).where("split = 'test'")
    found = {}
    for kind in AVAILABLE_KINDS:
        explain = explain_udf(spark, model, kind=kind, label="up", top_k=2)
        assert explain.method == "shapley"
        found[kind] = rows.select("key", "x", explain().alias("e")).select("key", "x", "e.*").orderBy("key").collect()
    assert all(rows == found["pandas"] for rows in found.values())
    for row in found["pandas"]:
        (first, first_share), (_, second_share) = row["contributions"]
        # Only x decides, and is positive where it is above what is usual.
        assert first == "x" and second_share == 0 and abs(row["gap"]) < 1e-9
        assert row["explained_score"] == pytest.approx(row["base_score"] + first_share)
    # Of many equal rows and a few others both are drawn.
    skewed = spark.range(40).selectExpr("IF(id < 30, 1.0D, 2.0D) AS x")
    drawn = read_stream(draw_background(skewed, ("x",), 12, 1, "the background"))[0].column("x").to_pylist()
    assert len(drawn) == 12 and 6 < drawn.count(1.0) < 12
    spread = [(row["x"], row["contributions"][0][1]) for row in found["pandas"]]
    assert np.corrcoef(np.argsort(np.argsort(spread, axis=0), axis=0).T)[0, 1] > 0.999


def _write_model(folder: Path, prepared: PreparedTable, weights: np.ndarray) -> str:
    folder.mkdir(exist_ok=True)
    metadata = make_metadata(prepared.inputs, ("down", "up"), prepared.table)
    write_model(make_network(prepared.inputs, weights), metadata, folder / "model.onnx")
    return str(folder / "model.onnx")


def test_importance_and_dependence_find_what_decides(
    spark: SparkSession, tmp_path: Path, numbers: PreparedTable
) -> None:
    model = _write_model(tmp_path, numbers, GOOD)
    config = ImportanceConfig(num_resamples=50)
    found = measure_importance(spark, model, numbers, config, seed=1)
    assert (found.metric, found.num_rows) == ("accuracy", 60) and found.value == pytest.approx(1)
    by_name = {each.feature: each for each in found.features}
    assert found.features[-1].feature == "colour" and by_name["colour"].value == pytest.approx(0, abs=1e-12)
    for name in ("x", "y"):
        low, high = by_name[name].low, by_name[name].high
        assert low is not None and high is not None and 0.03 < low < by_name[name].value < high < 0.8
    again = measure_importance(spark, model, numbers, config, seed=1)
    assert again == found and Importances.model_validate_json(found.model_dump_json()) == found
    curves = measure_dependence(spark, model, numbers, DependenceConfig(num_points=5, num_curves=2), seed=1)
    assert [curve.feature for curve in curves.curves] == ["x", "y", "colour"]
    x, _, colour = curves.curves
    assert list(x.means["up"]) == sorted(x.means["up"]) and x.means["up"][-1] - x.means["up"][0] > 0.5
    assert colour.points == ("blue", "red") and np.ptp(colour.means["up"]) < 1e-9
    assert np.shape(x.rows["up"]) == (2, 5)
    np.testing.assert_allclose(np.add(x.means["up"], x.means["down"]), 1, atol=1e-6)


def test_what_cannot_be_explained_is_told(
    spark: SparkSession, tmp_path: Path, trained: Trained, numbers: PreparedTable
) -> None:
    uri, model = trained.tracking.uri, _write_model(tmp_path, numbers, GOOD)
    with pytest.raises(ConfigError, match=r"shapley is for models of columns .*takes content: use occlusion"):
        explain_udf(spark, trained.uri, tracking_uri=uri, method="shapley")
    with pytest.raises(ConfigError, match="occlusion is for models of images"):
        explain_udf(spark, model, method="occlusion")
    with pytest.raises(ConfigError, match=r"leave_out is for texts and series .*takes x, y, colour"):
        explain_udf(spark, model, method="leave_out")
    with pytest.raises(ConfigError, match="no label 'upp' to explain; did you mean 'up'"):
        explain_udf(spark, model, label="upp")
    with pytest.raises(DataError, match=r"no trained network beside its ONNX file .*use occlusion"):
        explain_udf(spark, model, method="integrated_gradients")
    with pytest.raises(DataError, match="no rows that could stand for absent features"):
        explain_udf(spark, model, background=spark.read.format("delta").load(numbers.table.path).where("x > 1e9"))
    with pytest.raises(DataError, match="the background has no column 'x'"):
        explain_udf(spark, model, background=spark.range(3))
    with pytest.raises(ConfigError, match=r"options of the explanation: .*methd"):
        explain_udf(spark, model, methd="shapley")
    with pytest.raises(ConfigError, match="has no layer 'conv'"):
        explain_udf(spark, trained.uri, tracking_uri=uri, method="grad_cam", gradients={"layer": "conv"})
    with pytest.raises(ConfigError, match="'acuracy' is none of the task multiclass; did you mean 'accuracy'"):
        measure_importance(spark, model, numbers, ImportanceConfig(metric="acuracy"))
    with pytest.raises(ConfigError, match="has no column 'z'"):
        measure_dependence(spark, model, numbers, DependenceConfig(columns=("z",)))
    with pytest.raises(DataError, match="explain the model on the table that it learned"):
        other = numbers.model_copy(update={"target": numbers.target.model_copy(update={"label_names": ("a", "b")})})
        measure_importance(spark, model, other, ImportanceConfig())
