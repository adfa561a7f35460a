"""Registering and promoting on a real MLflow database with real files, scored on Spark."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import mlflow
import numpy as np
import onnx
import pandas as pd
import pytest
from pyspark.sql import SparkSession

from dbx_dl import promote_model, register_model, score_udf
from dbx_dl.config import RegisterConfig, TrackingConfig
from dbx_dl.contracts import PreparedTable
from dbx_dl.errors import ConfigError, DataError, RegistryError
from dbx_dl.metrics import softmax
from dbx_dl.runtime.tracking import open_client
from dbx_dl.score.evaluation import evaluate_model
from dbx_dl.score.model.model_file import fetch_model
from dbx_dl.transforms.columns import TabularEncoder
from tests.onnx_models import make_weights
from tests.prepared_tables import SPEC, write_feature_table, write_image_table
from tests.registered_models import GOOD, make_onnx, register


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> PreparedTable:
    return write_feature_table(tmp_path_factory.mktemp("data") / "table", {"train": 40, "validation": 10, "test": 60})


@pytest.fixture(autouse=True)
def global_uris() -> Iterator[None]:
    """MLflow's global settings stay as they were."""
    before = mlflow.get_tracking_uri(), mlflow.get_registry_uri(), os.environ.get("MLFLOW_TRACKING_URI")
    yield
    assert (mlflow.get_tracking_uri(), mlflow.get_registry_uri(), os.environ.get("MLFLOW_TRACKING_URI")) == before
    assert mlflow.active_run() is None


@pytest.fixture
def plain_mlflow(tracking: TrackingConfig) -> Iterator[None]:
    """What a plain MLflow user does: set the global URI."""
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(tracking.uri)
    yield
    mlflow.set_tracking_uri(before)
    os.environ.pop("MLFLOW_TRACKING_URI")


def test_a_version_carries_its_origin(tmp_path: Path, prepared: PreparedTable, tracking: TrackingConfig) -> None:
    model = register(tmp_path, prepared, tracking, "origin")
    client = open_client(tracking.uri)
    version = client.get_model_version_by_alias("origin", "challenger")
    assert (model.uri, model.version, int(version.version)) == ("models:/origin/1", 1, 1)
    assert version.run_id == model.onnx.trained.run_id
    assert version.tags["dbx_dl_sha256"] == model.onnx.file.sha256
    assert version.tags["dbx_dl_table"] == prepared.table.name
    assert "trained with torch" in version.description
    logged = client.get_logged_model(client.get_run(version.run_id).outputs.model_outputs[0].model_id)
    assert logged.source_run_id == version.run_id and str(logged.status) == "READY"
    assert register(tmp_path / "again", prepared, tracking, "origin").version == 2
    assert client.get_model_version_by_alias("origin", "challenger").version in (2, "2")


def test_the_registered_file_is_the_exported_one(
    tmp_path: Path, prepared: PreparedTable, tracking: TrackingConfig
) -> None:
    model = register(tmp_path, prepared, tracking, "bytes")
    for uri in ("models:/bytes/1", "models:/bytes@challenger", f"runs:/{model.onnx.trained.run_id}/model"):
        found = fetch_model(uri, tracking.uri)
        assert found.sha256 == model.onnx.file.sha256
        assert found.path.read_bytes() == Path(model.onnx.file.path).read_bytes()
    assert fetch_model("models:/bytes/1", tracking.uri).version == 1
    folder = fetch_model("models:/bytes/1", tracking.uri).path.parent.parent
    assert not [path for path in folder.rglob("*") if path.suffix in (".pkl", ".pickle")]


@pytest.mark.usefixtures("plain_mlflow")
def test_plain_mlflow_loads_table_models(tmp_path: Path, prepared: PreparedTable, tracking: TrackingConfig) -> None:
    register(tmp_path, prepared, tracking, "plain", GOOD)
    loaded = mlflow.pyfunc.load_model("models:/plain@challenger")
    frame = pd.DataFrame({"x": [1.0, -1.0, None], "y": [2.0, -2.0, 1.0], "colour": ["red", None, "blue"]})
    found = loaded.predict(frame)
    assert found["label"].tolist() == ["up", "down", "up"]
    import pyarrow as pa

    encoded = TabularEncoder(SPEC).encode(pa.Table.from_pandas(frame))
    np.testing.assert_allclose(np.stack(found["probabilities"]), softmax(encoded @ GOOD), atol=1e-6)
    assert loaded.metadata.signature.inputs.input_names() == ["x", "y", "colour"]
    assert loaded.predict(loaded.input_example)["error"].isna().all()
    network = mlflow.onnx.load_model("models:/plain@challenger")
    assert [value.name for value in network.graph.input] == ["x", "y", "colour"]
    onnx.checker.check_model(network)


@pytest.mark.usefixtures("plain_mlflow")
def test_plain_mlflow_loads_image_models(tmp_path: Path, tracking: TrackingConfig) -> None:
    prepared = write_image_table(tmp_path / "images", {"train": 4, "test": 4})
    register(tmp_path / "model", prepared, tracking, "pictures")
    loaded = mlflow.pyfunc.load_model("models:/pictures/1")
    example = loaded.input_example
    assert list(example.columns) == ["content"] and isinstance(example["content"][0], bytes)
    assert loaded.predict(example)["error"].isna().all()
    (pixels,) = mlflow.onnx.load_model("models:/pictures/1").graph.input
    assert pixels.name == "pixels"


def test_what_does_not_exist_is_named(tmp_path: Path, prepared: PreparedTable, tracking: TrackingConfig) -> None:
    register(tmp_path, prepared, tracking, "known")
    with pytest.raises(RegistryError, match=r"no alias 'champion': its versions are 1, its aliases challenger"):
        fetch_model("models:/known@champion", tracking.uri)
    with pytest.raises(RegistryError, match=r"no version 7: its versions are 1"):
        fetch_model("models:/known/7", tracking.uri)
    with pytest.raises(RegistryError, match=r"no such model is registered; registered are .*known"):
        fetch_model("models:/unknown@champion", tracking.uri)
    with pytest.raises(RegistryError, match="cannot fetch runs:/nothing"):
        fetch_model("runs:/nothing/model", tracking.uri)


def test_a_file_that_was_changed_is_refused(tmp_path: Path, prepared: PreparedTable, tracking: TrackingConfig) -> None:
    model = register(tmp_path, prepared, tracking, "changed")
    stored = fetch_model(model.uri, tracking.uri).path
    stored.write_bytes(stored.read_bytes() + b"x")
    with pytest.raises(RegistryError, match="the file was changed"):
        fetch_model(model.uri, tracking.uri)
    Path(model.onnx.file.path).write_bytes(b"x")
    with pytest.raises(DataError, match="not the file that was exported"):
        register_model(model.onnx, RegisterConfig(name="changed"), tracking=tracking)


def test_an_unreachable_registry_leaves_everything_and_can_be_repeated(
    tmp_path: Path, prepared: PreparedTable, tracking: TrackingConfig
) -> None:
    model = make_onnx(tmp_path, prepared, tracking)
    nowhere = TrackingConfig(uri="sqlite:////proc/nowhere/m.db")
    with pytest.raises(RegistryError, match="cannot reach MLflow at sqlite:////proc/nowhere"):
        register_model(model, RegisterConfig(name="repeated"), tracking=nowhere)
    unknown = model.model_copy(update={"trained": model.trained.model_copy(update={"run_id": "0" * 32})})
    with pytest.raises(RegistryError, match=r"'repeated' cannot be registered: .*not found"):
        register_model(unknown, RegisterConfig(name="repeated"), tracking=tracking)
    assert register_model(model, RegisterConfig(name="repeated"), tracking=tracking).version == 1


def test_dotted_names_pass_untouched(tmp_path: Path, prepared: PreparedTable, tracking: TrackingConfig) -> None:
    model = register(tmp_path, prepared, tracking, "main.vision.digits")
    assert model.uri == "models:/main.vision.digits/1"
    assert fetch_model("models:/main.vision.digits@challenger", tracking.uri).name == "main.vision.digits"


def test_the_better_candidate_is_champion_and_remembers_the_last(
    spark: SparkSession, tmp_path: Path, prepared: PreparedTable, tracking: TrackingConfig
) -> None:
    config = RegisterConfig(name="race")
    weak = register(tmp_path / "weak", prepared, tracking, "race", make_weights(SPEC, 2, seed=3))
    weaker = register(tmp_path / "weaker", prepared, tracking, "race", -GOOD)
    first = promote_model(spark, [weaker, weak], config, tracking=tracking)
    assert (first.champion_version, first.previous_version) == (weak.version, None)
    assert first.values == {
        model.version: evaluate_model(spark, model.onnx.file.path, prepared)["accuracy"] for model in (weaker, weak)
    }
    good = register(tmp_path / "good", prepared, tracking, "race", GOOD)
    second = promote_model(spark, [good], config, tracking=tracking)
    assert (second.champion_version, second.previous_version) == (good.version, weak.version)
    assert second.values[good.version] == 1.0 and set(second.values) == {good.version, weak.version}
    client = open_client(tracking.uri)
    champion = client.get_model_version_by_alias("race", "champion")
    assert int(champion.version) == good.version
    assert champion.tags["dbx_dl_previous_champion"] == str(weak.version)
    third = promote_model(spark, [weaker, good], config, tracking=tracking)
    assert (third.champion_version, third.previous_version) == (good.version, None)
    assert "stays champion" in third.reason and third.present_version == good.version
    score = score_udf(spark, "models:/race@champion", tracking_uri=tracking.uri)
    assert score.model.version == good.version


def test_a_champion_of_other_inputs_is_reported_and_loses(
    spark: SparkSession, tmp_path: Path, prepared: PreparedTable, tracking: TrackingConfig
) -> None:
    images = write_image_table(tmp_path / "images", {"train": 4, "test": 4})
    old = register(tmp_path / "old", images, tracking, "moved")
    assert promote_model(spark, [old], RegisterConfig(name="moved"), tracking=tracking).champion_version == 1
    new = register(tmp_path / "new", prepared, tracking, "moved", GOOD)
    found = promote_model(spark, [new], RegisterConfig(name="moved"), tracking=tracking)
    assert (found.champion_version, found.previous_version) == (2, 1)
    assert "version 1, champion so far, could not be compared" in found.reason and set(found.values) == {2}


def test_a_missed_threshold_moves_no_alias(
    spark: SparkSession, tmp_path: Path, prepared: PreparedTable, tracking: TrackingConfig
) -> None:
    model = register(tmp_path, prepared, tracking, "strict", -GOOD)
    found = promote_model(spark, [model], RegisterConfig(name="strict", threshold=0.5), tracking=tracking)
    assert found.champion_version is None and "misses the threshold 0.5" in found.reason
    assert found.challenger_version == model.version and [check.is_met for check in found.checks] == [False]
    assert "champion" not in open_client(tracking.uri).get_registered_model("strict").aliases


def test_candidates_must_be_comparable(
    spark: SparkSession, tmp_path: Path, prepared: PreparedTable, tracking: TrackingConfig
) -> None:
    model = register(tmp_path / "a", prepared, tracking, "mixed")
    config = RegisterConfig(name="mixed")
    with pytest.raises(ConfigError, match="no candidate"):
        promote_model(spark, [], config, tracking=tracking)
    with pytest.raises(ConfigError, match="candidates are versions of mixed, the config names 'other'"):
        promote_model(spark, [model], RegisterConfig(name="other"), tracking=tracking)
    table = prepared.table.model_copy(update={"version": 99})
    trained = model.onnx.trained.model_copy(update={"prepared": prepared.model_copy(update={"table": table})})
    other = model.model_copy(update={"onnx": model.onnx.model_copy(update={"trained": trained})})
    with pytest.raises(ConfigError, match="different tables"):
        promote_model(spark, [model, other], config, tracking=tracking)


def test_the_folder_holds_a_signature_and_an_example(
    tmp_path: Path, prepared: PreparedTable, tracking: TrackingConfig
) -> None:
    register(tmp_path, prepared, tracking, "folder")
    folder = fetch_model("models:/folder/1", tracking.uri).path.parent.parent
    described = mlflow.models.Model.load(str(folder))
    assert set(described.flavors) == {"onnx", "python_function"}
    assert described.flavors["python_function"]["loader_module"] == "dbx_dl.score.mlflow_flavor"
    assert json.loads((folder / "input_example.json").read_text())["columns"] == ["x", "y", "colour"]
    assert "onnxruntime==" in (folder / "requirements.txt").read_text()
    assert described.metadata["table_version"] == prepared.table.version
