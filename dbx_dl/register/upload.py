"""A model folder's way into MLflow: a logged model with its files, then a version of a registered model."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from dbx_dl.errors import ConfigError
from dbx_dl.runtime.databricks import is_unity_catalog, parse_unity_name
from dbx_dl.runtime.tracking import quote_value, short_waits
from dbx_dl.score.model.model_file import SHA256_TAG

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel
    from mlflow.entities.model_registry import ModelVersion

_ARTIFACT_NAME = "model"
# A server that passes a large file on to its store answers late.
_UPLOAD_SECONDS = 600


def log_model(
    client: MlflowClient,
    experiment_id: str,
    write: Callable[[Path, str], None],
    tags: Mapping[str, str],
    run_id: str | None = None,
) -> LoggedModel:
    """A logged model, an output of the run where one is named; `write` makes its folder, given path and model id."""
    from mlflow.entities import LoggedModelOutput

    model = client.create_logged_model(
        experiment_id, name=_ARTIFACT_NAME, source_run_id=run_id, tags=dict(tags), model_type="onnx"
    )
    try:
        with tempfile.TemporaryDirectory(prefix="dbx_dl_model_") as folder, short_waits(_UPLOAD_SECONDS):
            target = Path(folder) / _ARTIFACT_NAME
            write(target, model.model_id)
            client.log_model_artifacts(model.model_id, str(target))
    except BaseException:
        client.finalize_logged_model(model.model_id, "FAILED")
        raise
    finished = client.finalize_logged_model(model.model_id, "READY")
    if run_id is not None:
        client.log_outputs(run_id, [LoggedModelOutput(model.model_id, step=0)])
    return finished


def create_version(client: MlflowClient, name: str, logged: LoggedModel, description: str) -> int:
    """A new version of a registered model with a logged model's files, tags and run."""
    created = client.create_model_version(
        name,
        # Not `logged.model_uri`: a database store looks models:/ up at MLflow's global URI, not at this client's.
        source=logged.artifact_location,
        run_id=logged.source_run_id or None,
        tags=dict(logged.tags),
        description=description,
        model_id=logged.model_id,
    )
    return int(created.version)


def find_version(client: MlflowClient, name: str, run_id: str, sha256: str) -> int | None:
    """The latest version of a model with this file from this run; None where there is none."""
    for version in _search_versions(client, name):
        if version.run_id == run_id and _with_tags(client, version).tags.get(SHA256_TAG) == sha256:
            return int(version.version)
    return None


def list_versions(client: MlflowClient, name: str) -> list[ModelVersion]:
    """All versions of a model with their tags, latest first; none where the model does not exist."""
    return [_with_tags(client, version) for version in _search_versions(client, name)]


def _search_versions(client: MlflowClient, name: str) -> list[ModelVersion]:
    """Sorted here, since Unity Catalog takes no order."""
    found: list[ModelVersion] = []
    token = None
    while True:
        page = client.search_model_versions(f"name = {quote_value(name)}", page_token=token)
        found += page
        token = page.token
        if not token:
            return sorted(found, key=lambda version: -int(version.version))


def _with_tags(client: MlflowClient, version: ModelVersion) -> ModelVersion:
    """Unity Catalog finds versions without tags (their `tags` is a method that raises): such a one is asked for."""
    if isinstance(version.tags, dict) and version.tags:
        return version
    return client.get_model_version(version.name, version.version)


def ensure_model(client: MlflowClient, name: str) -> None:
    """Make the registered model where it does not exist."""
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(name)
    except MlflowException as error:
        # The second is Unity Catalog's.
        if error.error_code not in ("RESOURCE_ALREADY_EXISTS", "ALREADY_EXISTS"):
            raise


def check_name(name: str, tracking_uri: str) -> None:
    """ConfigError unless a name can be a model's: catalog.schema.name on Databricks, elsewhere any without / : @."""
    if is_unity_catalog(tracking_uri):
        parse_unity_name(name, "model")
    if not name.strip() or set(name) & set("/:@"):
        raise ConfigError(f"{name!r} cannot be a model's name: leave out / : @")
    if "'" in name and '"' in name:
        raise ConfigError(f"{name!r} cannot be a model's name: leave out one kind of quotes")
