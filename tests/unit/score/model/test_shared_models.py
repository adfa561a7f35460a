"""A model in a folder that all machines see: put there once, read in place, and never another file."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbx_dl.errors import ConfigError, DataError
from dbx_dl.score.model.model_file import fetch_model
from dbx_dl.score.model.shared_models import share_model
from dbx_dl.score.worker import ShippedModel
from tests.onnx_models import write_linear_model
from tests.prepared_tables import IMAGES


@pytest.mark.parametrize("inline_bytes", [None, 64])
def test_a_model_is_put_into_the_folder_once(tmp_path: Path, inline_bytes: int | None) -> None:
    settings = {} if inline_bytes is None else {"inline_bytes": inline_bytes}
    write_linear_model(tmp_path / "m.onnx", IMAGES, **settings)
    model = fetch_model(str(tmp_path / "m.onnx"))
    path = share_model(model, str(tmp_path / "shared" / "models"))
    assert path == str(tmp_path / "shared" / "models" / model.sha256 / "model.onnx")
    before = Path(path).stat().st_mtime_ns
    assert share_model(model, str(tmp_path / "shared" / "models")) == path and Path(path).stat().st_mtime_ns == before
    assert [each.name for each in (tmp_path / "shared" / "models").iterdir()] == [model.sha256]
    assert ShippedModel(path, model.sha256).open().sha256 == model.sha256
    assert share_model(model, str(tmp_path)) == str(tmp_path / "m.onnx"), "it lies there already"


def test_another_file_is_refused_on_both_sides(tmp_path: Path) -> None:
    for seed, name in enumerate(("m.onnx", "other.onnx")):
        write_linear_model(tmp_path / name, IMAGES, seed=seed + 50)
    model = fetch_model(str(tmp_path / "m.onnx"))
    path = Path(share_model(model, str(tmp_path / "shared")))
    path.write_bytes((tmp_path / "other.onnx").read_bytes())
    with pytest.raises(DataError, match=r"is not the model that its folder names: its SHA-256 is [0-9a-f]{64}"):
        share_model(model, str(tmp_path / "shared"))
    with pytest.raises(DataError, match="is not the expected model"):
        ShippedModel(str(path), model.sha256).open()
    path.unlink()
    with pytest.raises(DataError, match="must be a folder that all machines see"):
        ShippedModel(str(path), model.sha256).open()


def test_folders_that_cannot_be_used_are_said(tmp_path: Path) -> None:
    write_linear_model(tmp_path / "m.onnx", IMAGES)
    (tmp_path / "file").write_text("mine")
    model = fetch_model(str(tmp_path / "m.onnx"))
    with pytest.raises(ConfigError, match="model_folder s3://bucket/models is no path of a file system"):
        share_model(model, "s3://bucket/models")
    with pytest.raises(DataError, match=r"cannot be put into .*/file: "):
        share_model(model, str(tmp_path / "file"))
