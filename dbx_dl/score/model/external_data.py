"""Weights that lie in files beside an ONNX file: where they are, and only where they may be."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from dbx_dl.errors import DataError

if TYPE_CHECKING:
    import onnx


def list_data_files(path: str | os.PathLike[str]) -> list[Path]:
    """The files with weights of an ONNX file, sorted by name; none for most, which hold everything themselves.

    DataError when one is outside of the model's folder, by its name or through a link, or is absent. A file that is no
    ONNX model has none.
    """
    model = Path(path)
    return [_require_file(model, location) for location in read_locations(model)]


def read_locations(path: Path) -> list[str]:
    """The names under which an ONNX file looks for its weights, relative to its folder, sorted and not checked."""
    return sorted(set(_read_locations(path))) if _may_refer(path) else []


def _may_refer(path: Path) -> bool:
    """Whether the key under which ONNX keeps a location is anywhere in the file; parsing all would take long."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return content.find(b"location") >= 0
    except ValueError:  # an empty file
        return False
    except OSError as error:
        raise DataError(f"cannot read the model file {path}: {error.strerror}") from None


def _read_locations(path: Path) -> Iterator[str]:
    import onnx

    try:
        model = onnx.load_model(str(path), load_external_data=False)
    except Exception:  # whoever loads it says why it is no model
        return
    for tensor in _list_tensors(model.graph):
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            yield from (entry.value for entry in tensor.external_data if entry.key == "location")


def _list_tensors(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    """All constants of a graph, also those in attributes of its nodes and in their inner graphs."""
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for node in graph.node:
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)
            for inner in (attribute.g, *attribute.graphs):
                yield from _list_tensors(inner)


def require_inside(model: Path, location: str) -> Path:
    """Where a location of a model's weights is; DataError when that is outside of the model's folder."""
    folder = model.parent.resolve()
    found = folder / location
    # No file's name has a zero byte.
    if "\0" in location or Path(location).is_absolute() or not found.resolve().is_relative_to(folder):
        raise DataError(
            f"{model} keeps weights in {location!r}, outside of its own folder: such a model is not loaded; "
            "put all its files into one folder and save it anew"
        )
    return found


def _require_file(model: Path, location: str) -> Path:
    found = require_inside(model, location)
    if not found.is_file():
        raise DataError(f"{model} keeps weights in {location!r}, which is not beside it: copy that file too")
    return found
