"""Why ranks failed: files that they or their launcher write, and the one error that the driver raises of them."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

from dbx_dl import errors
from dbx_dl.errors import DbxDlError, RankFailedError, RankLostError
from dbx_dl.runtime.processes import name_known_error
from dbx_dl.runtime.whole_files import write_whole
from dbx_dl.train.run_directory import RunDirectory

# What a healthy rank meets when another one has gone: an effect, never the cause.
_PEER_LOST = re.compile(
    r"HorovodInternalError|Horovod has been shut down|gloo/transport|Connection closed by peer|Connection reset by peer"
    r"|DistBackendError|DistNetworkError|TCPStore"
)
_KILLED = re.compile(r"its process was killed by signal")
WAIT_FOR_CAUSE_SECONDS = 3.0
_POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Failure:
    """How a rank failed: a sentence, the exception's class where it is one of ours, and its traceback.

    No contract, since every rank's process would load pydantic before its own work only to be able to fail.
    """

    rank: int
    time: float
    message: str
    kind: str
    traceback: str

    @property
    def is_effect(self) -> bool:
        """Whether the rank only noticed that another one was gone."""
        return _PEER_LOST.search(self.message + self.traceback) is not None

    @property
    def is_loss(self) -> bool:
        """Whether a process was lost, this rank's or another's, rather than gave up."""
        return self.is_effect or (not self.kind and _KILLED.match(self.message) is not None)


@contextmanager
def end_on_failure(directory: RunDirectory, rank: int) -> Iterator[None]:
    """Around everything that a rank's process does: an exception is recorded, then the process exits with 1 at once."""
    try:
        yield
    except BaseException as error:
        record_exception(directory, rank, error)
        sys.stderr.write(f"rank {rank} failed: {error}\n")
        sys.stdout.flush()
        sys.stderr.flush()
        # Horovod's exit hook would wait for peers that wait for this rank.
        os._exit(1)


def record_exception(directory: RunDirectory, rank: int, error: BaseException) -> None:
    """Write an exception of a rank's process into the run directory."""
    text = "".join(traceback.format_exception(error))
    kind = name_known_error(error)
    message = str(error) if kind else f"{type(error).__name__}: {error}"
    record_failure(directory, rank, message, kind=kind, text=text)


def record_failure(directory: RunDirectory, rank: int, message: str, *, kind: str = "", text: str = "") -> None:
    """Write why a rank failed, unless it has written so itself."""
    path = directory.failure(rank)
    if not path.exists():
        failure = Failure(rank=rank, time=time.time(), message=message, kind=kind, traceback=text)
        with write_whole(path) as partial:
            partial.write_text(json.dumps(asdict(failure)), encoding="utf-8")


def forget_failures(directory: RunDirectory) -> None:
    """Remove what an earlier launch in this directory left."""
    shutil.rmtree(directory.failure(0).parent, ignore_errors=True)


def read_failure(directory: RunDirectory, rank: int) -> Failure:
    """Why this rank failed, as it or its launcher recorded it."""
    return _load(directory.failure(rank))


def read_failures(directory: RunDirectory, num_ranks: int) -> list[Failure]:
    """Failures that were recorded, causes before effects, then by time."""
    paths = [directory.failure(rank) for rank in range(num_ranks)]
    found = [_load(path) for path in paths if path.exists()]
    return sorted(found, key=lambda failure: (failure.is_effect, failure.time))


def explain_failure(directory: RunDirectory, num_ranks: int, launch_error: BaseException) -> DbxDlError:
    """The error to raise when a launch failed.

    A rank's mistake of the user's making (config, data, set-up) keeps its class; everything else becomes a
    RankFailedError. Both carry the rank's own traceback.
    """
    deadline = time.monotonic() + WAIT_FOR_CAUSE_SECONDS
    failures = read_failures(directory, num_ranks)
    while not failures or failures[0].is_effect:
        if time.monotonic() > deadline:
            break
        time.sleep(_POLL_SECONDS)
        failures = read_failures(directory, num_ranks)
    if not failures:
        return _from_launch_error(directory, num_ranks, launch_error)
    return make_error(failures[0], num_ranks, f"its output: {directory.output(failures[0].rank)}")


def make_error(failure: Failure, num_ranks: int, note: str = "") -> DbxDlError:
    """The error of one rank's failure, with its traceback and a last note."""
    details = "\n".join(part for part in (failure.traceback.rstrip(), note) if part)
    kind = getattr(errors, failure.kind, RankFailedError) if failure.kind else RankFailedError
    if kind in (errors.ConfigError, errors.DataError, errors.SetupError):
        error: DbxDlError = kind(failure.message)
        error.add_note(f"on rank {failure.rank} of {num_ranks}:\n{details}")
        return error
    text = f"rank {failure.rank} of {num_ranks} failed: {failure.message}\n{details}".rstrip()
    return RankLostError(text) if failure.is_loss else RankFailedError(text)


def _load(path: Path) -> Failure:
    return Failure(**json.loads(path.read_text(encoding="utf-8")))


def _from_launch_error(directory: RunDirectory, num_ranks: int, error: BaseException) -> DbxDlError:
    text = str(error)
    through_spark = re.search(r"dbx_dl\.errors\.(\w+): ", text)
    if through_spark is not None:
        # The executors cannot write where the driver reads: the task's error came inside Spark's.
        kind = getattr(errors, through_spark[1], RankFailedError)
        message = re.split(r"\n\s+at |\n\nDriver stacktrace|\n\nJVM stacktrace", text[through_spark.end() :])[0]
        if kind is RankFailedError and _KILLED.search(message):
            kind = RankLostError
        return cast(DbxDlError, kind(message.strip()))
    first = next((line for line in text.splitlines() if line.strip()), type(error).__name__).strip()
    hint = f"look into {directory.root / 'output'}"
    return RankLostError(f"the tasks above {num_ranks} ranks were lost, and no rank said why ({first}): {hint}")
