"""The MLflow client of a tracking config, and its experiment."""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from dbx_dl.contracts.secret_texts import hide_secrets
from dbx_dl.errors import RegistryError
from dbx_dl.runtime.databricks import registry_uri

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from dbx_dl.config import TrackingConfig

_DATABASE_PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}
_PROGRESS_BAR = "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"
# Level and variable belong to the process, and trainings may run in several threads.
_QUIET = threading.RLock()
_SECONDS_TO_CONNECT = 5.0
_BRACKETS = "\"')"
# Variables that a block of `short_waits` has set, not the user.
_CHOSEN_HERE: set[str] = set()


def open_client(uri: str, *, should_create: bool = True) -> MlflowClient:
    """A client for runs and models at `uri`, reached at once so that a wrong URI is found before any work.

    A SQLite file that is not there is made, unless it `should_create` none: then it is a RegistryError, as of what is
    only read. RegistryError too, within seconds, where nobody answers.
    """
    _require_answer(uri)
    file = _find_file(uri)
    if not should_create and file is not None and not file.exists():
        raise RegistryError(
            f"there is no MLflow database {file.absolute()}: correct its URI, {uri}, or run there first"
        )
    with quiet_mlflow(), short_waits(timeout_seconds=10):
        from mlflow import MlflowClient

        if file is not None:
            with suppress(OSError):
                file.parent.mkdir(parents=True, exist_ok=True)
        try:
            client = MlflowClient(tracking_uri=uri, registry_uri=registry_uri(uri))
            client.search_experiments(max_results=1)
        except Exception as error:
            raise RegistryError(f"cannot reach MLflow at {hide_secrets(uri)}: {explain_failure(error)}") from None
    return client


def explain_failure(error: Exception) -> str:
    """The first line of an MLflow error, without credentials; of a server that does not answer only the cause."""
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    if "Max retries exceeded" in text and "Caused by" in text:
        cause = text.rpartition("Caused by ")[2].rpartition(": ")[2].rstrip(_BRACKETS)
        text = f"no answer: {cause}{')' * (cause.count('(') - cause.count(')'))}"
    return hide_secrets(text)


@contextmanager
def short_waits(timeout_seconds: int = 20) -> Iterator[None]:
    """MLflow's client asks a server twice at most, each time for so long, unless the environment says otherwise.

    Its own defaults are eight times two minutes, with growing pauses. Of blocks in each other the inner one counts.
    """
    patience = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": str(timeout_seconds)}
    with _QUIET:
        before = {name: os.environ.get(name) for name in patience}
        chosen = [name for name in patience if before[name] is None or name in _CHOSEN_HERE]
        added = set(chosen) - _CHOSEN_HERE
        os.environ.update({name: patience[name] for name in chosen})
        _CHOSEN_HERE.update(added)
        try:
            yield
        finally:
            _CHOSEN_HERE.difference_update(added)
            for name in chosen:
                os.environ.pop(name, None)
                if before[name] is not None:
                    os.environ[name] = str(before[name])


@contextmanager
def quiet_mlflow() -> Iterator[None]:
    """MLflow without its own progress bars and INFO lines; warnings and errors still show."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    import mlflow  # noqa: F401  (configures its logger when imported, so that must come first)

    chatter = logging.getLogger("mlflow")
    with _QUIET:
        level, bar = chatter.level, os.environ.get(_PROGRESS_BAR)
        chatter.setLevel(max(level, logging.WARNING))
        os.environ[_PROGRESS_BAR] = "false"
        try:
            yield
        finally:
            chatter.setLevel(level)
            os.environ.pop(_PROGRESS_BAR)
            if bar is not None:
                os.environ[_PROGRESS_BAR] = bar


def ensure_experiment(client: MlflowClient, tracking: TrackingConfig) -> str:
    """The id of the config's experiment, which is created when it is absent."""
    experiment = client.get_experiment_by_name(tracking.experiment)
    if experiment is not None:
        return str(experiment.experiment_id)
    location = tracking.artifacts
    if location is not None and "://" not in location:
        folder = Path(location).absolute()
        try:
            # Before the experiment, which keeps its place for ever.
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RegistryError(f"no artifacts can be kept in {folder}: {error.strerror}") from None
        location = folder.as_uri()
    return str(client.create_experiment(tracking.experiment, artifact_location=location))


def quote_value(text: str) -> str:
    """A text as MLflow's filters take it; they know no escapes, so it may have one kind of quotes only."""
    return f'"{text}"' if "'" in text else f"'{text}'"


def _find_file(uri: str) -> Path | None:
    """The file of a SQLite store; None for other stores, and for one in memory."""
    if not uri.startswith("sqlite:///"):
        return None
    path = uri.removeprefix("sqlite:///").partition("?")[0]
    return None if path in ("", ":memory:") else Path(path)


def _require_answer(uri: str) -> None:
    """RegistryError when nobody listens at a database server's address, which MLflow would try for minutes."""
    parts = urlsplit(uri)
    dialect = parts.scheme.partition("+")[0]
    if dialect not in _DATABASE_PORTS or parts.hostname is None:
        return
    address = (parts.hostname, parts.port or _DATABASE_PORTS[dialect])
    try:
        socket.create_connection(address, _SECONDS_TO_CONNECT).close()
    except OSError as error:
        raise RegistryError(f"cannot reach MLflow at {hide_secrets(uri)}: {error.strerror or error}") from None
