"""Weights beside the model's file: part of what it is, and never taken from elsewhere."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest

from dbx_dl.errors import DataError
from dbx_dl.export.model_files import list_files, move_model, remove_model, write_model
from dbx_dl.score.model.external_data import list_data_files
from dbx_dl.score.model.model_file import fetch_model
from dbx_dl.score.model.session import digest_file, open_model
from tests.onnx_models import make_metadata, make_network, make_weights, write_linear_model
from tests.prepared_tables import IMAGES

PIXELS = np.full((2, 6, 5, 1), 100, np.uint8)


def write_beside(path: Path) -> None:
    """A model whose weights lie in `<path>.data`."""
    network = make_network(IMAGES, make_weights(IMAGES, 2))
    write_model(network, make_metadata(IMAGES, ("down", "up")), path, inline_bytes=64)


def point_elsewhere(path: Path, location: str) -> None:
    """Let the model look for its weights at `location`."""
    model = onnx.load_model(str(path), load_external_data=False)
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = location
    onnx.save_model(model, str(path))


def test_weights_beside_the_file_are_used_and_digested(tmp_path: Path) -> None:
    write_beside(tmp_path / "m.onnx")
    write_linear_model(tmp_path / "whole.onnx", IMAGES)
    assert list_data_files(tmp_path / "m.onnx") == [tmp_path / "m.onnx.data"]
    assert list_data_files(tmp_path / "whole.onnx") == []
    found, expected = (open_model(tmp_path / name).predict({"pixels": PIXELS}) for name in ("m.onnx", "whole.onnx"))
    np.testing.assert_array_equal(found, expected)
    before = digest_file(tmp_path / "m.onnx")
    assert fetch_model(str(tmp_path / "m.onnx")).sha256 == before
    data = tmp_path / "m.onnx.data"
    data.write_bytes(data.read_bytes()[:-1] + b"?")
    assert digest_file(tmp_path / "m.onnx") != before
    with pytest.raises(DataError, match="is not the expected model"):
        open_model(tmp_path / "m.onnx", before, num_threads=2)  # not the session that is open already


@pytest.mark.parametrize("location", ["../m.onnx.data", "/etc/hostname", "sub/../../m.onnx.data", "a\0b"])
def test_weights_elsewhere_are_refused(tmp_path: Path, location: str) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    write_beside(folder / "m.onnx")
    shutil.copy(folder / "m.onnx.data", tmp_path)
    point_elsewhere(folder / "m.onnx", location)
    for load in (open_model, digest_file):
        with pytest.raises(DataError, match=r"keeps weights in .* outside of its own folder"):
            load(folder / "m.onnx")


def test_a_link_that_leads_elsewhere_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    write_beside(folder / "m.onnx")
    (folder / "m.onnx.data").replace(tmp_path / "m.onnx.data")
    with pytest.raises(DataError, match="which is not beside it"):
        open_model(folder / "m.onnx")
    (folder / "m.onnx.data").symlink_to(tmp_path / "m.onnx.data")
    with pytest.raises(DataError, match="outside of its own folder"):
        open_model(folder / "m.onnx")


def test_all_files_of_a_model_are_moved_and_removed(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "target").mkdir()
    write_beside(tmp_path / "new" / "model.onnx")
    move_model(tmp_path / "new" / "model.onnx", tmp_path / "target" / "model.onnx")
    assert list((tmp_path / "new").iterdir()) == []
    names = [file.name for file in list_files(tmp_path / "target" / "model.onnx")]
    assert names == ["model.onnx", "model.onnx.data"]
    open_model(tmp_path / "target" / "model.onnx")
    remove_model(tmp_path / "target" / "model.onnx")
    remove_model(tmp_path / "target" / "model.onnx")
    assert list((tmp_path / "target").iterdir()) == []
