"""Real networks of both frameworks become one checked ONNX file, or none."""

from pathlib import Path

import onnx
import pytest
from pyspark.sql import SparkSession

from dbx_dl import export_onnx
from dbx_dl.config import ExportConfig
from dbx_dl.contracts import FileDigest, PreparedTable, TrainedModel
from dbx_dl.errors import ConfigError, DataError, ExportError
from dbx_dl.runtime.processes import call_in_process
from dbx_dl.score.evaluation import evaluate_model
from dbx_dl.score.session import digest_file, open_model
from tests.onnx_models import describe_trained
from tests.prepared_tables import write_feature_table, write_image_table

NETWORKS = {"images": "convnet", "table": "mlp"}


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, PreparedTable]:
    folder, rows = tmp_path_factory.mktemp("tables"), {"train": 8, "test": 30}
    return {
        "images": write_image_table(folder / "images", rows),
        "table": write_feature_table(folder / "table", rows),
    }


def make_trained(prepared: PreparedTable, framework: str, network: str, folder: Path) -> TrainedModel:
    folder.mkdir(parents=True)
    arguments = {
        "prepared": prepared.model_dump(mode="json"),
        "framework": framework,
        "network": network,
        "options": {},
        "seed": 5,
        "folder": str(folder),
    }
    path = call_in_process("tests.spark.export.initial_weights:save_weights", arguments)
    weights = FileDigest(path=path, sha256=digest_file(path))
    # Another seed than that of the weights: a network that forgets to load them is noticed.
    return describe_trained(prepared, folder, framework=framework, network=network, weights=weights, seed=6)


@pytest.mark.parametrize("kind", ["images", "table"])
@pytest.mark.parametrize("framework", ["keras", "torch"])
def test_real_networks_pass_the_gate(
    spark: SparkSession, tmp_path: Path, tables: dict[str, PreparedTable], framework: str, kind: str
) -> None:
    trained = make_trained(tables[kind], framework, NETWORKS[kind], tmp_path / "trained")
    model = export_onnx(spark, trained, ExportConfig(), directory=str(tmp_path / "out"))
    path = tmp_path / "out" / "model.onnx"
    assert [entry.name for entry in path.parent.iterdir()] == ["model.onnx"]
    assert model.file == FileDigest(path=str(path), sha256=digest_file(path))
    assert model.parity.num_rows == 30 and model.parity.max_abs_difference <= 1e-4
    assert model.parity.share_equal_classes == 1.0
    assert set(model.metrics) >= {"accuracy", "log_loss", "auc"}
    assert model.metrics == evaluate_model(spark, str(path), tables[kind])
    names = ["pixels"] if kind == "images" else ["x", "y", "colour"]
    assert [value.name for value in model.inputs] == names
    assert [value.model_dump() for value in model.outputs] == [
        {"name": "probabilities", "dtype": "float32", "shape": (None, 2)}
    ]
    metadata = open_model(path).metadata
    assert (metadata.framework, metadata.table, metadata.opset) == (framework, tables[kind].table, 18)
    assert {"dbx_dl", "onnx", "onnxruntime", framework} <= set(metadata.versions)
    onnx.checker.check_model(str(path), full_check=True)


def test_a_failed_gate_leaves_no_file(spark: SparkSession, tmp_path: Path, tables: dict[str, PreparedTable]) -> None:
    trained = make_trained(tables["table"], "torch", "mlp", tmp_path / "trained")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "model.onnx").write_bytes(b"of an earlier export")
    config = ExportConfig(parity_tolerance=1e-12)
    with pytest.raises(ExportError, match=r"row 'test-\d+', label '\w+'|in batches of"):
        export_onnx(spark, trained, config, directory=str(tmp_path / "out"))
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
