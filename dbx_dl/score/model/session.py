"""One ONNX Runtime session per process and model file, checked by SHA-256 and cached over tasks."""

from __future__ import annotations

import copy
import hashlib
import logging
import os
from collections import OrderedDict
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from dbx_dl.errors import DataError
from dbx_dl.score.model.batch_sizes import BatchSizer
from dbx_dl.score.model.description import FileFacts, describe_file
from dbx_dl.score.model.external_data import list_data_files
from dbx_dl.score.model.own_models import METADATA_KEY, name_outputs, plan_own, read_metadata
from dbx_dl.score.model.providers import SessionSettings, list_providers, name_providers, require_provider
from dbx_dl.tasks import task_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np

    from dbx_dl.contracts import ModelMetadata, OutputKind
    from dbx_dl.score.model.plan import ScorePlan

logger = logging.getLogger(__name__)

_PIECE_BYTES = 2**20
# So many times a call's inputs its outputs may take.
OUTPUT_SHARE = 4
# A stream whose model changes must not keep all models that it ever had.
_MAX_SESSIONS = 8

_SESSIONS: OrderedDict[tuple[str, SessionSettings], ModelSession] = OrderedDict()
_LOCK = Lock()


class ModelSession:
    """A loaded model file, ours or another: what it says of itself, how its columns are bound, and its outputs.

    `facts` are its inputs and outputs, `providers` what it runs on, in the order in which they are tried. With a
    `sizer` the number of rows at once is tuned.
    """

    def __init__(self, path: str | os.PathLike[str], sha256: str, settings: SessionSettings | None = None) -> None:
        """Load the file; DataError when it is no ONNX model, or another version of dbx_dl wrote it.

        SetupError when the first of the settings' providers is not there.
        """
        settings = settings or SessionSettings()
        self._session = _load(path, settings)
        self._path = path
        self._metadata = read_metadata(self._session.get_modelmeta().custom_metadata_map, path)
        self._plan: ScorePlan | None = None if self._metadata is None else plan_own(self._metadata)
        self.sha256 = sha256
        self.sizer: BatchSizer | None = None
        self._sizers: dict[tuple[Any, ...], BatchSizer] = {}
        self.facts: FileFacts = describe_file(self._session)
        self.providers = name_providers(self._session.get_providers())
        self._outputs = {} if self._metadata is None else name_outputs(self._metadata)
        dims = {output.name: output.dims for output in self.facts.outputs}
        absent = sorted(set(self._outputs.values()) - set(dims))
        if absent:
            raise DataError(f"{path} has no output {absent[0]!r}, which its metadata promise: export the model again")
        self._row_shapes = {kind: dims[name] for kind, name in self._outputs.items()}
        dtypes = {output.name: output.dtype for output in self.facts.outputs}
        self._row_dtypes = {kind: dtypes[name] for kind, name in self._outputs.items()}

    @property
    def is_own(self) -> bool:
        """Whether dbx_dl exported the file."""
        return self._metadata is not None

    @property
    def metadata(self) -> ModelMetadata:
        """What the file says of itself; DataError when dbx_dl did not export it."""
        if self._metadata is None:
            raise DataError(
                f"{self._path} was not exported by dbx_dl (no {METADATA_KEY!r} metadata): export it with `export`"
            )
        return self._metadata

    @property
    def plan(self) -> ScorePlan:
        """How columns are bound and what comes out; for a file of others without any options, unless others are set."""
        if self._plan is None:
            from dbx_dl.config import ScoreOptions
            from dbx_dl.score.model.planning import plan_model

            self._plan = plan_model(self, ScoreOptions())
        return self._plan

    def with_plan(self, plan: ScorePlan) -> ModelSession:
        """The same loaded file with another plan."""
        session = copy.copy(self)
        session._plan = plan
        return session

    def tuned(self) -> ModelSession:
        """The same with a sizer that all tasks of this process share; without, where the plan fixes the size."""
        plan = self.plan
        if plan.batch_rows is not None or plan.frozen_rows is not None:
            return self
        session = copy.copy(self)
        key = (plan.max_tuned_rows, plan.outputs)
        session.sizer = self._sizers.setdefault(key, BatchSizer(plan.max_tuned_rows, OUTPUT_SHARE * plan.batch_bytes))
        return session

    @property
    def label_names(self) -> tuple[str, ...]:
        """Names of classes or labels in the order of the probabilities' columns; none for numbers."""
        return self.metadata.target.label_names

    def run(self, outputs: Sequence[str], inputs: Mapping[str, np.ndarray]) -> list[Any]:
        """The named outputs for one array per model input, by name."""
        found: list[Any] = self._session.run(list(outputs), dict(inputs))
        return found

    def predict(self, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
        """The task's predictions of one array of N rows per model input, by name; see `tasks.Task`."""
        kind = task_of(self.metadata.target).output_kind
        prediction: np.ndarray = self.run([self._outputs[kind]], inputs)[0]
        return prediction

    def predict_all(self, inputs: Mapping[str, np.ndarray]) -> dict[OutputKind, np.ndarray]:
        """All outputs by kind, for one array of N rows per model input, by name; embedding is float32 (N, K)."""
        arrays = self.run(list(self._outputs.values()), inputs)
        return dict(zip(self._outputs, arrays, strict=True))

    def empty_outputs(self, num_rows: int) -> dict[OutputKind, np.ndarray]:
        """Outputs of `num_rows` rows that are all NaN."""
        import numpy as np

        return {
            kind: np.full((num_rows, *(dim or 0 for dim in shape)), np.nan, self._row_dtypes[kind])
            for kind, shape in self._row_shapes.items()
        }


def open_model(path: str | os.PathLike[str], sha256: str | None = None, num_threads: int = 1) -> ModelSession:
    """This process' session of a file of dbx_dl; the first call loads it, later ones get the same object.

    With `sha256` the file must have that digest: DataError otherwise, as when the file is absent or not ours.
    """
    session = open_session(path, sha256, SessionSettings(num_threads))
    _ = session.metadata
    return session


def open_session(
    path: str | os.PathLike[str], sha256: str | None = None, settings: SessionSettings | None = None
) -> ModelSession:
    """This process' session of any ONNX file with these settings, cached and checked as by `open_model`.

    SetupError when the first of the providers is not there.
    """
    settings = settings or SessionSettings()
    is_open = None if sha256 is None else find_session(sha256, settings)
    if is_open is not None:
        return is_open
    found = digest_file(path)
    if sha256 is not None and found != sha256:
        raise DataError(f"{path} is not the expected model: its SHA-256 is {found}, expected {sha256}; fetch it again")
    with _LOCK:
        if (found, settings) not in _SESSIONS:
            session = _SESSIONS[found, settings] = ModelSession(path, found, settings)
            logger.debug("loaded model %s… on %s", found[:12], ", ".join(session.providers))
            while len(_SESSIONS) > _MAX_SESSIONS:
                _SESSIONS.popitem(last=False)
        return _SESSIONS[found, settings]


def find_session(sha256: str, settings: SessionSettings) -> ModelSession | None:
    """This process' session of the content with this digest, if it is loaded; its file is not looked at."""
    with _LOCK:
        if (sha256, settings) in _SESSIONS:
            _SESSIONS.move_to_end((sha256, settings))
        return _SESSIONS.get((sha256, settings))


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


def _load(path: str | os.PathLike[str], settings: SessionSettings) -> Any:
    import onnxruntime

    list_data_files(path)
    require_provider(settings, onnxruntime.get_available_providers(), "this machine's ONNX Runtime has")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = settings.num_threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Spinning threads steal the cores of the other workers on the machine.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    providers = list_providers(settings)
    try:
        session = onnxruntime.InferenceSession(os.fspath(path), options, providers=providers)
    except Exception as error:
        reason = " ".join(str(error).split())
        raise DataError(f"{path} cannot be loaded as an ONNX model: {reason}") from None
    # A provider whose libraries do not load is left out without an error.
    require_provider(settings, session.get_providers(), "the model could be loaded on")
    return session
