"""A model file in a folder that all machines see: put there once, under its SHA-256, and read from there by workers."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from dbx_dl.errors import ConfigError, DataError
from dbx_dl.runtime.tables import absolute_path
from dbx_dl.score.model.external_data import read_locations, require_inside
from dbx_dl.score.model.session import digest_file

if TYPE_CHECKING:
    from dbx_dl.score.model.model_file import ModelFile

_FILE = "model.onnx"
_URI = re.compile(r"[A-Za-z][\w+.-]*:")


def share_model(model: ModelFile, folder: str) -> str:
    """The path of the model's file within `folder`: where it is, if it lies there, else `<SHA-256>/model.onnx`.

    ConfigError when the folder is no path of a file system, DataError when it cannot be written to, or when what lies
    there under that SHA-256 is another file.
    """
    place = absolute_path(folder)
    if _URI.match(place):
        raise ConfigError(
            f"model_folder {folder} is no path of a file system: on Databricks give a volume as /Volumes/…"
        )
    source = Path(absolute_path(str(model.path)))
    if source.is_relative_to(place):
        return str(source)
    shared = Path(place, model.sha256, _FILE)
    try:
        if not shared.exists():
            _copy(source, shared)
    except OSError as error:
        raise DataError(f"model {model.name} cannot be put into {folder}: {error.strerror}") from None
    found = digest_file(shared)
    if found != model.sha256:
        raise DataError(
            f"{shared} is not the model that its folder names: its SHA-256 is {found}; remove it, and score again"
        )
    return str(shared)


def require_shared(path: str) -> str:
    """The same path; DataError where this machine has no such file."""
    if not Path(path).is_file():
        raise DataError(
            f"the model file {path} is not on machine {os.uname().nodename}: `model_folder` must be a folder that all "
            "machines see"
        )
    return path


def _copy(source: Path, target: Path) -> None:
    """The file, and those with its weights beside it, which appear at once."""
    folder = target.parent
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", suffix=".partial", dir=folder.parent))
    try:
        shutil.copyfile(source, partial / target.name)
        for location in read_locations(source):
            weights = require_inside(source, location)
            (partial / location).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(weights, partial / location)
        _open_to_all(partial)
        if not folder.exists():
            partial.rename(folder)
    except OSError:
        if not target.exists():  # else another driver was faster
            raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _open_to_all(folder: Path) -> None:
    """Let others read it, since executors may run as others; file systems without such rights are left as they are."""
    with suppress(OSError):
        folder.chmod(0o755)
        for path in folder.rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)
