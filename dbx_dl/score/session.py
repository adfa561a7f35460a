"""One ONNX Runtime session per process and model file, checked by SHA-256 and cached over tasks."""

from __future__ import annotations

import hashlib
import os
from threading import Lock
from typing import TYPE_CHECKING, Any

from dbx_dl.contracts import ModelMetadata
from dbx_dl.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

METADATA_KEY = "dbx_dl"
OUTPUT_NAME = "probabilities"
PIXELS_NAME = "pixels"

_SESSIONS: dict[tuple[str, int], ModelSession] = {}
_LOCK = Lock()


class ModelSession:
    """A loaded model file of ours: its metadata, and class probabilities of bound inputs."""

    def __init__(self, path: str | os.PathLike[str], sha256: str, num_threads: int = 1) -> None:
        """Load the file; DataError when it is no ONNX model or was not exported by dbx_dl."""
        self._session = _load(path, num_threads)
        self.metadata = _read_metadata(self._session.get_modelmeta().custom_metadata_map, path)
        self.sha256 = sha256

    @property
    def label_names(self) -> tuple[str, ...]:
        """Class names in the order of the output's columns."""
        return self.metadata.target.label_names

    def predict(self, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
        """Class probabilities float32 (N, C) of one array of N rows per model input, by name."""
        probabilities: np.ndarray = self._session.run([OUTPUT_NAME], dict(inputs))[0]
        return probabilities


def open_model(path: str | os.PathLike[str], sha256: str | None = None, num_threads: int = 1) -> ModelSession:
    """This process' session of a model file; the first call loads it, later ones get the same object.

    With `sha256` the file must have that digest: DataError otherwise, as when the file is absent or not ours.
    """
    if sha256 is not None and (sha256, num_threads) in _SESSIONS:
        return _SESSIONS[sha256, num_threads]
    found = digest_file(path)
    if sha256 is not None and found != sha256:
        raise DataError(f"{path} is not the expected model: its SHA-256 is {found}, expected {sha256}; fetch it again")
    with _LOCK:
        if (found, num_threads) not in _SESSIONS:
            _SESSIONS[found, num_threads] = ModelSession(path, found, num_threads)
        return _SESSIONS[found, num_threads]


def digest_file(path: str | os.PathLike[str]) -> str:
    """SHA-256 of a file's bytes, in hex; DataError when it cannot be read."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123  (accepts every kind of path)
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"cannot read the model file {path}: {error.strerror}") from None


def _load(path: str | os.PathLike[str], num_threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = num_threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Spinning threads steal the cores of the other workers on the machine.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(os.fspath(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        reason = " ".join(str(error).split())
        raise DataError(f"{path} cannot be loaded as an ONNX model: {reason}") from None


def _read_metadata(properties: Mapping[str, str], path: str | os.PathLike[str]) -> ModelMetadata:
    from pydantic import ValidationError

    if METADATA_KEY not in properties:
        raise DataError(f"{path} was not exported by dbx_dl (no {METADATA_KEY!r} metadata): export it with `export`")
    try:
        return ModelMetadata.model_validate_json(properties[METADATA_KEY])
    except ValidationError as error:
        raise DataError(
            f"{path} has {METADATA_KEY!r} metadata of another version of dbx_dl ({str(error).splitlines()[0]}): "
            "export the model again"
        ) from None
