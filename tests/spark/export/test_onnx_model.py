"""Real networks of both frameworks become one checked ONNX file, or none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest
from pyspark.sql import SparkSession

from dbx_dl import export_onnx
from dbx_dl.config import ExportConfig
from dbx_dl.contracts import FileDigest, OnnxModel, PreparedTable, TrainedModel
from dbx_dl.errors import ConfigError, DataError, ExportError
from dbx_dl.runtime.processes import call_in_process
from dbx_dl.score.evaluation import evaluate_model
from dbx_dl.score.model.session import digest_file, open_model
from dbx_dl.tasks import TASKS, task_of
from tests.onnx_models import describe_trained
from tests.prepared_tables import write_feature_table, write_image_table, write_number_table

ROWS: dict[Any, int] = {"train": 40, "test": 30}
NETWORKS = {"images": "convnet", "own": "tests.numerics.{}_networks:build_smooth"}
VARIANTS = ("optimized", "fp16", "int8_static", "int8_dynamic")
ALL_VARIANTS = {"variants": VARIANTS, "max_metric_loss": 0.2, "choose_by": "size"}
# What is asked for beside the plain file: one thing each, so that no export is made twice.
CASES: dict[tuple[str, str], dict[str, Any]] = {
    ("keras", "images"): {"variants": ("int8_static",)},
    ("torch", "images"): ALL_VARIANTS,
    ("keras", "own"): {"embeddings": "dense"},
    ("torch", "own"): {"embeddings": "5", "opset": 20},
    ("torch", "table"): {"inline_bytes": 64, "variants": ("int8_static",), "max_metric_loss": 1.0, "choose_by": "size"},
    ("keras", "table"): {},
    ("keras", "multilabel"): {"inline_bytes": 64},
    ("torch", "multilabel"): {"variants": ("fp16",)},
    ("keras", "regression"): {"variants": ("optimized", "fp16")},
    ("torch", "regression"): {"embeddings": "relu_1"},
    ("keras", "count"): {"embeddings": "dense_1"},
    ("torch", "count"): {},
}
# Every export loads its framework anew: of a kind of model one is enough each time, of images and variants both.
QUICK = {("keras", "images"), ("torch", "images"), ("keras", "multilabel"), ("torch", "regression")}
Make = Callable[[str, str], TrainedModel]


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, PreparedTable]:
    folder = tmp_path_factory.mktemp("tables")
    images, table = write_image_table(folder / "images", ROWS), write_feature_table(folder / "table", ROWS)
    numbers = {task: write_number_table(folder / task, task, ROWS) for task in ("multilabel", "regression", "count")}
    return {"images": images, "own": images, "table": table, **numbers}


@pytest.fixture(scope="module")
def make_trained(tables: dict[str, PreparedTable], tmp_path_factory: pytest.TempPathFactory) -> Make:
    """What training would give, by framework and kind of model; each framework is loaded once."""
    folder, found = tmp_path_factory.mktemp("trained"), {}

    def make(framework: str, kind: str) -> TrainedModel:
        networks = {name: NETWORKS.get(name, "mlp").format(framework) for name in tables}
        if framework not in found:
            (folder / framework).mkdir()
            dumped = {name: prepared.model_dump(mode="json") for name, prepared in tables.items()}
            models = {name: {"prepared": dumped[name], "network": networks[name]} for name in tables}
            arguments = {"framework": framework, "models": models, "folder": str(folder / framework), "seed": 5}
            found[framework] = call_in_process("tests.spark.export.initial_weights:save_weights", arguments)
        path, metrics = (found[framework][kind][name] for name in ("path", "metrics"))
        # Another seed than that of the weights: a network that forgets to load them is noticed.
        changes = {"weights": FileDigest(path=path, sha256=digest_file(path)), "metrics": metrics, "seed": 6}
        return describe_trained(tables[kind], folder, framework=framework, network=networks[kind], **changes)

    return make


@pytest.mark.parametrize(
    ("framework", "kind"),
    [
        pytest.param(framework, kind, marks=[] if (framework, kind) in QUICK else [pytest.mark.matrix])
        for framework, kind in CASES
    ],
)
def test_real_networks_pass_the_gates(
    spark: SparkSession,
    tmp_path: Path,
    tables: dict[str, PreparedTable],
    make_trained: Make,
    framework: str,
    kind: str,
) -> None:
    config = ExportConfig(**CASES[framework, kind])
    model = export_onnx(spark, make_trained(framework, kind), config, directory=str(tmp_path / "out"))
    path = tmp_path / "out" / "model.onnx"
    check_file(model, path, config)
    task = tables[kind].target.task
    assert model.metrics == evaluate_model(spark, str(path), tables[kind])
    assert set(model.metrics) == set(TASKS[task].metrics)
    names = {"images": ["pixels"], "own": ["pixels"], "table": ["x", "y", "colour"]}.get(kind, ["x", "y"])
    assert [value.name for value in model.inputs] == names
    main = (
        ("value", "float64", (None,))
        if task_of(tables[kind].target).label_kind == "number"
        else ("probabilities", "float32", (None, 2))
    )
    outputs = [(value.name, value.dtype, value.shape) for value in model.outputs]
    assert outputs[0] == main
    assert [name for name, _, _ in outputs[1:]] == (["embedding"] if config.embeddings else [])
    metadata = open_model(path).metadata
    assert (metadata.framework, metadata.table, metadata.opset) == (framework, tables[kind].table, config.opset)
    assert metadata.inputs_sha256 == tables[kind].inputs.digest
    assert {"dbx_dl", "onnx", "onnxruntime", framework} <= set(metadata.versions)
    check_variants(model, config, metadata.variant)


def check_file(model: OnnxModel, path: Path, config: ExportConfig) -> None:
    files = sorted(entry.name for entry in path.parent.iterdir())
    assert files == (["model.onnx", "model.onnx.data"] if config.inline_bytes == 64 else ["model.onnx"])
    assert model.file == FileDigest(path=str(path), sha256=digest_file(path))
    assert model.size_bytes == sum(entry.stat().st_size for entry in path.parent.iterdir())
    onnx.checker.check_model(str(path), full_check=True)
    assert model.parity.num_rows == 30
    if not config.variants:
        assert model.parity.max_abs_difference <= 1e-4 and model.parity.share_equal_classes == 1.0
    assert set(model.latency_ms) == {1, 32} and min(model.latency_ms.values()) > 0


def check_variants(model: OnnxModel, config: ExportConfig, chosen: str) -> None:
    if not config.variants:
        assert model.variants == () and chosen == "plain"
        return
    assert [variant.name for variant in model.variants] == ["plain", *config.variants]
    (best,) = (variant for variant in model.variants if variant.is_chosen)
    assert (best.name, best.metrics, best.size_bytes) == (chosen, model.metrics, model.size_bytes)
    for variant in model.variants:
        assert variant.is_kept == (variant.reason == "")
        if variant.is_kept:
            assert variant.metrics and set(variant.latency_ms) == {1, 32} and variant.max_abs_difference is not None


def test_a_failed_gate_leaves_no_file(spark: SparkSession, tmp_path: Path, make_trained: Make) -> None:
    trained = make_trained("torch", "count")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "model.onnx").write_bytes(b"of an earlier export")
    wrong = trained.model_copy(update={"metrics": {**trained.metrics, "test_rmse": 1e6}})
    with pytest.raises(ExportError, match="gate metrics: rmse of the test split is"):
        export_onnx(spark, wrong, ExportConfig(), directory=str(tmp_path / "out"))
    assert list((tmp_path / "out").iterdir()) == []


def test_weights_that_changed_are_refused(
    spark: SparkSession, tmp_path: Path, tables: dict[str, PreparedTable]
) -> None:
    trained = describe_trained(tables["table"], tmp_path)
    Path(trained.weights.path).write_bytes(b"others")
    with pytest.raises(DataError, match="was changed after training"):
        export_onnx(spark, trained, ExportConfig(), directory=str(tmp_path / "out"))


def test_an_unknown_network_is_said_without_a_traceback(
    spark: SparkSession, tmp_path: Path, tables: dict[str, PreparedTable]
) -> None:
    trained = describe_trained(tables["table"], tmp_path, network="mpl")
    with pytest.raises(ConfigError, match="unknown network 'mpl'; did you mean 'mlp'"):
        export_onnx(spark, trained, ExportConfig(), directory=str(tmp_path / "out"))


@pytest.mark.parametrize("framework", ["torch", pytest.param("keras", marks=pytest.mark.matrix)])
def test_a_layer_that_is_not_there_is_told_with_those_that_are(
    spark: SparkSession, tmp_path: Path, make_trained: Make, framework: str
) -> None:
    message = "export.embeddings: the network has no layer 'dense'; did you mean 'dense_[12]'"
    with pytest.raises(ConfigError, match=message):
        config = ExportConfig(embeddings="dense")
        export_onnx(spark, make_trained(framework, "count"), config, directory=str(tmp_path / "out"))
    assert list((tmp_path / "out").iterdir()) == []
