"""Model files on disk: a file, and beside it one with weights where these are too many for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dbx_dl.errors import DataError
from dbx_dl.export.graph import compose_model
from dbx_dl.frameworks.onnx_files import INLINE_BYTES, save_model
from dbx_dl.score.model.external_data import list_data_files

if TYPE_CHECKING:
    import onnx

    from dbx_dl.contracts import ModelMetadata

MODEL_FILE = "model.onnx"


def write_model(
    network: onnx.ModelProto, metadata: ModelMetadata, path: Path, inline_bytes: int = INLINE_BYTES
) -> None:
    """Compose the model around a network and write it; ExportError when the network is not as promised."""
    save_model(compose_model(network, metadata), path, inline_bytes=inline_bytes)


def list_files(path: Path) -> list[Path]:
    """The model's file, and those with weights beside it."""
    return [path, *list_data_files(path)]


def move_model(source: Path, target: Path) -> None:
    """Put a model's files where `target` is, the file itself last; the names of the others stay."""
    for file in list_files(source)[1:]:
        file.replace(target.with_name(file.name))
    source.replace(target)


def remove_model(path: Path) -> None:
    """Remove a model's files where there are any."""
    if path.exists():
        try:
            data_files = list_data_files(path)
        except DataError:  # whatever lies elsewhere is not ours
            data_files = []
        for file in [path, *data_files]:
            file.unlink(missing_ok=True)
