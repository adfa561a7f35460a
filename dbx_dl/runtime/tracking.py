"""The MLflow client of a tracking config, and its experiment."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from dbx_dl.errors import RegistryError

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from dbx_dl.config import TrackingConfig

_PROGRESS_BAR = "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"
# Level and variable belong to the process, and trainings may run in several threads.
_QUIET = threading.RLock()


def open_client(uri: str) -> MlflowClient:
    """A client for runs and models at `uri`, reached at once so that a wrong URI is found before any work."""
    with quiet_mlflow():
        from mlflow import MlflowClient

        if uri.startswith("sqlite:///"):
            with suppress(OSError):
                Path(uri.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
        try:
            client = MlflowClient(tracking_uri=uri, registry_uri=registry_uri(uri))
            client.search_experiments(max_results=1)
        except Exception as error:
            raise RegistryError(f"cannot reach MLflow at {_without_password(uri)}: {explain_failure(error)}") from None
    return client


def registry_uri(tracking_uri: str) -> str:
    """Where models live for a tracking URI: on Databricks Unity Catalog, elsewhere the same place."""
    scheme, separator, profile = tracking_uri.partition("://")
    return f"databricks-uc{separator}{profile}" if scheme == "databricks" else tracking_uri


def explain_failure(error: Exception) -> str:
    """The first line of an MLflow error, without credentials."""
    return _without_password(str(error).splitlines()[0] if str(error) else type(error).__name__)


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
        location = Path(location).absolute().as_uri()
    return str(client.create_experiment(tracking.experiment, artifact_location=location))


def _without_password(text: str) -> str:
    head, separator, rest = text.partition("://")
    if not separator or "@" not in rest:
        return text
    return f"{head}://***@{rest.split('@', 1)[1]}"
