"""The MLflow client of a tracking config, and its experiment."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from dbx_dl.errors import RegistryError

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from dbx_dl.config import TrackingConfig


def open_client(uri: str) -> MlflowClient:
    """A client for runs and models at `uri`, reached at once so that a wrong URI is found before any work."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    from mlflow import MlflowClient

    if uri.startswith("sqlite:///"):
        with suppress(OSError):
            Path(uri.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    try:
        client = MlflowClient(tracking_uri=uri, registry_uri=uri)
        client.search_experiments(max_results=1)
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise RegistryError(f"cannot reach MLflow at {_without_password(uri)}: {_without_password(reason)}") from None
    return client


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
