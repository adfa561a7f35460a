"""A version from one registry, or one catalog, to another: its files are copied, and their SHA-256 is compared."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from dbx_dl.errors import ConfigError, DataError, RegistryError
from dbx_dl.register.card.card import CARD_TAG, remove_card
from dbx_dl.register.champion import PREVIOUS_TAG, ROLLED_BACK_TAG
from dbx_dl.register.model_version import CHALLENGER
from dbx_dl.register.record import DECISION_TAG, HEADING, RECORD_TAG
from dbx_dl.register.upload import check_name, create_version, ensure_model, log_model
from dbx_dl.runtime.tracking import ensure_experiment, explain_failure, open_client, quiet_mlflow, short_waits
from dbx_dl.score.model.external_data import list_data_files
from dbx_dl.score.model.model_file import SHA256_TAG, ModelFile, fetch_model
from dbx_dl.score.model.session import digest_file

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

    from dbx_dl.config import TrackingConfig

logger = logging.getLogger(__name__)

COPIED_TAG = "dbx_dl_copied_from"
# What a version was in its registry is not what its copy is.
_LEFT_BEHIND = (PREVIOUS_TAG, ROLLED_BACK_TAG, DECISION_TAG, RECORD_TAG, COPIED_TAG, CARD_TAG)


def copy_model(
    source: str, target: str, *, tracking: TrackingConfig, target_tracking: TrackingConfig | None = None
) -> str:
    """Copy `source` (`models:/<name>@<alias>` or `models:/<name>/<version>`) to a new version of the model `target`.

    `catalog.schema.name` on Unity Catalog, any name elsewhere; to another store with `target_tracking`. Files, tags and
    description are copied, so that the copy lives on its own; it is `challenger`, and promoted where it is. Its
    files are fetched again and compared: where a SHA-256 differs the new version is deleted and RegistryError raised.
    Returns the copy's URI, `models:/<target>/<version>`.
    """
    from mlflow.exceptions import MlflowException

    if not source.startswith("models:"):
        raise ConfigError(f"cannot copy {source!r}: write models:/<name>@<alias> or models:/<name>/<version>")
    place = target_tracking or tracking
    check_name(target, place.uri)
    file = fetch_model(source, tracking.uri)
    client = open_client(tracking.uri, should_create=False)
    target_client = open_client(place.uri)
    try:
        with quiet_mlflow(), short_waits():
            version = client.get_model_version(file.name, str(file.version))
            copied = _upload(target_client, version, file, target, place, is_same_store=place.uri == tracking.uri)
    except MlflowException as error:
        raise RegistryError(f"{source} cannot be copied to {target!r}: {explain_failure(error)}") from None
    verify_copy(target_client, target, copied, _digest_files(file), place.uri)
    logger.info("copied %s to %s version %d (alias %s)", source, target, copied, CHALLENGER)
    return f"models:/{target}/{copied}"


def _upload(
    client: MlflowClient,
    version: ModelVersion,
    file: ModelFile,
    target: str,
    place: TrackingConfig,
    is_same_store: bool,
) -> int:
    tags = _choose_tags(version.tags, f"{version.name}/{version.version}", file.sha256)
    description = remove_card(version.description or "").partition(HEADING)[0].rstrip()
    experiment_id = ensure_experiment(client, place)
    with _run_in(client, experiment_id, version, is_same_store) as run_id:
        logged = log_model(
            client, experiment_id, lambda folder, model_id: _copy_folder(file.path, folder, model_id), tags, run_id
        )
        ensure_model(client, target)
        return create_version(client, target, logged, description)


@contextmanager
def _run_in(client: MlflowClient, experiment_id: str, version: ModelVersion, is_same_store: bool) -> Iterator[str]:
    """The run that the copy belongs to: the training's, or in another store one that says where that was."""
    if is_same_store and version.run_id:
        yield version.run_id
        return
    tags = {f"{COPIED_TAG}_run": version.run_id or "", COPIED_TAG: f"{version.name}/{version.version}"}
    run = client.create_run(experiment_id, run_name=f"copy of {version.name} {version.version}", tags=tags)
    status = "FAILED"
    try:
        yield run.info.run_id
        status = "FINISHED"
    finally:
        client.set_terminated(run.info.run_id, status)


def _choose_tags(tags: Mapping[str, str], origin: str, sha256: str) -> dict[str, str]:
    kept = {name: value for name, value in tags.items() if name not in _LEFT_BEHIND and not name.startswith("mlflow.")}
    return {**kept, SHA256_TAG: sha256, COPIED_TAG: origin}


def _copy_folder(path: Path, folder: Path, model_id: str) -> None:
    """The MLflow folder around a fetched file; what it says of its own model id becomes the copy's."""
    from mlflow.models import Model

    source = next((parent for parent in path.parents if (parent / "MLmodel").is_file()), None)
    if source is None:
        raise DataError(f"{path} lies in no MLflow model folder: it cannot be copied")
    shutil.copytree(source, folder)
    described = Model.load(str(folder))
    described.model_id = model_id
    described.save(str(folder / "MLmodel"))


def verify_copy(client: MlflowClient, name: str, version: int, expected: Mapping[str, str], tracking_uri: str) -> None:
    """Make a version `challenger` whose files have the SHA-256 that are expected by name; else delete it and raise."""
    from mlflow.exceptions import MlflowException

    try:
        found = _digest_files(fetch_model(f"models:/{name}/{version}", tracking_uri))
        if found != expected:
            changed = ", ".join(sorted({file for file, _ in expected.items() ^ found.items()}))
            raise RegistryError(f"the copy {name} version {version} has other bytes in {changed}: copy it again")
        with quiet_mlflow(), short_waits():
            client.set_registered_model_alias(name, CHALLENGER, str(version))
    except (RegistryError, DataError):
        with suppress(MlflowException):
            client.delete_model_version(name, str(version))
        raise
    except MlflowException as error:
        raise RegistryError(f"{name} version {version} is no {CHALLENGER}: {explain_failure(error)}") from None


def _digest_files(file: ModelFile) -> dict[str, str]:
    """SHA-256 by name of the model's file and of those with weights beside it."""
    return {file.path.name: file.sha256, **{data.name: digest_file(data) for data in list_data_files(file.path)}}
