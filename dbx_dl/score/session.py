"""One ONNX Runtime session per process and model file, checked by SHA-256 and cached over tasks."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from dbx_dl.contracts import ImageSpec, ModelMetadata
from dbx_dl.errors import DataError
from dbx_dl.score.external_data import list_data_files
from dbx_dl.transforms.tabular import input_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from dbx_dl.contracts import OutputKind

METADATA_KEY = "dbx_dl"
PIXELS_NAME = "pixels"
_PIECE_BYTES = 2**20

_SESSIONS: dict[tuple[str, int], ModelSession] = {}
_LOCK = Lock()


class ModelSession:
    """A loaded model file of ours: its metadata, and its outputs for bound inputs."""

    def __init__(self, path: str | os.PathLike[str], sha256: str, num_threads: int = 1) -> None:
        """Load the file; DataError when it is no ONNX model or was not exported by dbx_dl."""
        self._session = _load(path, num_threads)
        self.metadata = _read_metadata(self._session.get_modelmeta().custom_metadata_map, path)
        self.sha256 = sha256
        self._outputs = name_outputs(self.metadata)
        shapes = {output.name: tuple(output.shape[1:]) for output in self._session.get_outputs()}
        absent = sorted(set(self._outputs.values()) - set(shapes))
        if absent:
            raise DataError(f"{path} has no output {absent[0]!r}, which its metadata promise: export the model again")
        self._row_shapes = {kind: shapes[name] for kind, name in self._outputs.items()}

    @property
    def label_names(self) -> tuple[str, ...]:
        """Names of classes or labels in the order of the probabilities' columns; none for numbers."""
        return self.metadata.target.label_names

    def predict(self, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
        """Probabilities float32 (N, C), or values float64 (N,), of one array of N rows per model input, by name."""
        kind = self.metadata.output_kinds[0]
        prediction: np.ndarray = self._session.run([self._outputs[kind]], dict(inputs))[0]
        return prediction

    def predict_all(self, inputs: Mapping[str, np.ndarray]) -> dict[OutputKind, np.ndarray]:
        """All outputs by kind, for one array of N rows per model input, by name; embedding is float32 (N, K)."""
        arrays = self._session.run(list(self._outputs.values()), dict(inputs))
        return dict(zip(self._outputs, arrays, strict=True))

    def empty_outputs(self, num_rows: int) -> dict[OutputKind, np.ndarray]:
        """Outputs of `num_rows` rows that are all NaN."""
        import numpy as np

        return {
            kind: np.full((num_rows, *shape), np.nan, np.float64 if kind == "value" else np.float32)
            for kind, shape in self._row_shapes.items()
        }


def name_outputs(metadata: ModelMetadata) -> dict[OutputKind, str]:
    """Names of a file's outputs by kind: the kind itself, with underscores where an input has that name."""
    taken = (PIXELS_NAME,) if isinstance(metadata.inputs, ImageSpec) else tuple(input_names(metadata.inputs))
    names: dict[OutputKind, str] = {}
    for kind in metadata.output_kinds:
        name: str = kind
        while name in (*taken, *names.values()):
            name += "_"
        names[kind] = name
    return names


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
    """SHA-256 of a file's bytes, in hex; of an ONNX file with weights in files beside it, of all their bytes in turn.

    DataError when a file cannot be read, or when weights lie outside of the model's folder.
    """
    files = [Path(path)]
    if files[0].suffix == ".onnx":
        files += list_data_files(path)
    found = hashlib.sha256()
    try:
        for each in files:
            with each.open("rb") as file:
                while piece := file.read(_PIECE_BYTES):
                    found.update(piece)
    except OSError as error:
        raise DataError(f"cannot read the model file {path}: {error.strerror}") from None
    return found.hexdigest()


def _load(path: str | os.PathLike[str], num_threads: int) -> Any:
    import onnxruntime

    list_data_files(path)
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
