"""Paths and URIs that name a model."""

from pathlib import Path

import pytest

from dbx_dl.errors import ConfigError, DataError
from dbx_dl.score.model.model_file import fetch_model
from dbx_dl.score.model.session import digest_file
from tests.onnx_models import write_linear_model
from tests.prepared_tables import SPEC


def test_a_path_is_used_where_it_lies(tmp_path: Path) -> None:
    write_linear_model(tmp_path / "m.onnx", SPEC)
    model = fetch_model(str(tmp_path / "m.onnx"))
    assert model.path == tmp_path / "m.onnx" and model.version is None
    assert model.sha256 == digest_file(tmp_path / "m.onnx")


def test_an_mlflow_folder_is_looked_into(tmp_path: Path) -> None:
    write_linear_model(tmp_path / "inner.onnx", SPEC)
    (tmp_path / "MLmodel").write_text("flavors: {onnx: {data: inner.onnx}}")
    assert fetch_model(str(tmp_path)).path == tmp_path / "inner.onnx"


@pytest.mark.parametrize("text", ["flavors: {sklearn: {}}", "{}", "flavors: {onnx: {data: ../outside.onnx}}"])
def test_folders_without_an_onnx_model_inside_are_refused(tmp_path: Path, text: str) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "outside.onnx").write_bytes(b"")
    (folder / "MLmodel").write_text(text)
    with pytest.raises(DataError, match="without an MLflow model of the onnx flavour"):
        fetch_model(str(folder))


def test_absent_paths_and_odd_uris_are_explained(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no model at"):
        fetch_model(str(tmp_path / "absent.onnx"))
    with pytest.raises(ConfigError, match="models:/<name>@<alias>"):
        fetch_model("models:/digits/latest", f"sqlite:///{tmp_path}/m.db")
