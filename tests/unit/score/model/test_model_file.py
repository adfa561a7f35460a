"""Paths and URIs that name a model."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from dbx_dl.errors import ConfigError, DataError, RegistryError
from dbx_dl.runtime.tracking import open_client
from dbx_dl.score.model.model_file import fetch_model, keep_bytes
from dbx_dl.score.model.session import digest_file
from dbx_dl.score.model.shipping import ship_file
from tests.mlflow_databases import open_tracking
from tests.onnx_models import write_linear_model
from tests.prepared_tables import SPEC

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def test_a_path_is_used_where_it_lies(tmp_path: Path) -> None:
    write_linear_model(tmp_path / "m.onnx", SPEC)
    model = fetch_model(str(tmp_path / "m.onnx"))
    assert model.path == tmp_path / "m.onnx" and model.version is None
    assert model.sha256 == digest_file(tmp_path / "m.onnx")


def test_threads_keep_the_same_bytes_at_once() -> None:
    for content in (b"%d" % number * 2_000_000 for number in range(10, 18)):
        with ThreadPoolExecutor(8) as pool:
            kept = list(pool.map(keep_bytes, [content] * 8))
        assert {digest_file(model.path) for model in kept} == {kept[0].sha256}


def test_threads_ship_the_same_file_at_once(tmp_path: Path) -> None:
    shipped: list[str] = []
    spark = cast("SparkSession", SimpleNamespace(addArtifacts=lambda path, file: shipped.append(path)))
    for number in range(8):
        source = tmp_path / f"{number}.onnx"
        source.write_bytes(b"m" * 4_000_000)
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _, source=source: ship_file(spark, source, source.name), range(8)))
        assert {Path(path).read_bytes() for path in shipped} == {source.read_bytes()}


def test_an_mlflow_folder_is_looked_into(tmp_path: Path) -> None:
    write_linear_model(tmp_path / "inner.onnx", SPEC)
    (tmp_path / "MLmodel").write_text("flavors: {onnx: {data: inner.onnx}}")
    assert fetch_model(tmp_path).path == tmp_path / "inner.onnx"


@pytest.mark.parametrize(
    "text",
    [
        "flavors: {sklearn: {}}", "{}", "flavors: {onnx: {data: ../outside.onnx}}", "flavors: [onnx]",
        "flavors: {onnx: data}", "flavors: {onnx: {data: 5}}",
    ],
)  # fmt: skip
def test_folders_without_an_onnx_model_inside_are_refused(tmp_path: Path, text: str) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "outside.onnx").write_bytes(b"")
    (folder / "MLmodel").write_text(text)
    with pytest.raises(DataError, match="without an MLflow model of the onnx flavour"):
        fetch_model(str(folder))


def test_what_a_model_with_a_quote_in_its_name_has_is_told(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/m.db"
    client = open_client(uri)
    client.create_registered_model("o'brien")
    client.create_model_version("o'brien", str(tmp_path))
    with pytest.raises(RegistryError, match="its versions are 1, its aliases none"):
        fetch_model("models:/o'brien/9", uri)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("flavors: {onnx", "is not valid YAML: line 1"),
        ("!!python/object/apply:os.system [id]", "is not valid YAML: line 1"),
        ("- a", "must hold a mapping"),
    ],
)
def test_a_broken_mlmodel_file_is_explained(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "MLmodel").write_text(text)
    with pytest.raises(DataError, match=f"MLmodel {message}"):
        fetch_model(str(tmp_path))


@pytest.mark.parametrize("model", ["", None, 3])
def test_what_is_neither_uri_nor_path_is_refused(model: Any) -> None:
    with pytest.raises(ConfigError, match="is not a model: give models:/<name>@<alias>, runs:/… or an ONNX file"):
        fetch_model(model)


def test_absent_paths_and_odd_uris_are_explained(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no model at"):
        fetch_model(str(tmp_path / "absent.onnx"))
    with pytest.raises(ConfigError, match="models:/<name>@<alias>"):
        fetch_model("models:/digits/latest", f"sqlite:///{tmp_path}/m.db")
    with pytest.raises(RegistryError, match=f"there is no MLflow database {tmp_path}/m.db"):
        fetch_model("models:/digits/1", f"sqlite:///{tmp_path}/m.db")


def test_a_name_with_a_quote_is_found_in_the_registry(tmp_path: Path) -> None:
    uri = open_tracking(tmp_path).uri
    open_client(uri).create_registered_model("it's")
    with pytest.raises(RegistryError, match='model "it\'s" has no version 1: its versions are none, its aliases none'):
        fetch_model("models:/it's/1", uri)
