"""From an MLflow URI or a path to a checked local ONNX file."""

from __future__ import annotations

import atexit
import hashlib
import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from dbx_dl.errors import ConfigError, DataError, RegistryError
from dbx_dl.runtime.databricks import is_unity_catalog, registry_uri
from dbx_dl.runtime.tracking import explain_failure, open_client, quiet_mlflow, quote_value
from dbx_dl.runtime.whole_files import write_whole
from dbx_dl.score.model.session import digest_file

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

SHA256_TAG = "dbx_dl_sha256"
_MODEL_URI = re.compile(r"^models:/+(?P<name>[^/@]+)(?:@(?P<alias>[^/@]+)|/(?P<version>\d+))$")


@dataclass(frozen=True)
class ModelFile:
    """A model's file on this machine; `version` is None for models that are not in a registry."""

    path: Path
    sha256: str
    name: str
    version: int | None = None


def fetch_model(model: str | os.PathLike[str], tracking_uri: str | None = None) -> ModelFile:
    """The local file of `models:/name@alias`, `models:/name/3`, `runs:/<run id>/<path>`, or of a path.

    A path is an ONNX file or an MLflow model folder. `tracking_uri` defaults to MLflow's own. RegistryError when the
    model, version, alias or run does not exist, naming what does, or when the registered SHA-256 is another one;
    DataError when there is no such file; ConfigError for what is neither URI nor path.
    """
    if not isinstance(model, str | os.PathLike) or not os.fspath(model):
        raise ConfigError(f"{model!r} is not a model: give models:/<name>@<alias>, runs:/… or an ONNX file")
    model = os.fspath(model)
    if model.startswith("models:"):
        return _fetch_version(model, _tracking_uri(tracking_uri))
    if model.startswith("runs:"):
        uri = _tracking_uri(tracking_uri)
        path = _find_onnx(_download(_locate_in_run(open_client(uri, should_create=False), model), uri), model)
    else:
        path = _find_onnx(Path(model), model)
    return ModelFile(path, digest_file(path), model)


def keep_bytes(content: bytes) -> ModelFile:
    """The local file of an ONNX model given as bytes."""
    sha256 = hashlib.sha256(content).hexdigest()
    path = local_store() / f"{sha256}.onnx"
    if not path.exists():
        with write_whole(path) as partial:
            partial.write_bytes(content)
    return ModelFile(path, sha256, f"bytes of SHA-256 {sha256[:12]}…")


@cache
def local_store() -> Path:
    """A folder of this process for downloaded and shipped model files; it is removed when the process ends."""
    folder = tempfile.mkdtemp(prefix="dbx_dl_models_")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def _tracking_uri(given: str | None) -> str:
    if given:
        return given
    import mlflow

    return str(mlflow.get_tracking_uri())


def _fetch_version(model: str, tracking_uri: str) -> ModelFile:
    match = _MODEL_URI.match(model)
    if match is None:
        raise ConfigError(f"{model!r} is not a model: write models:/<name>@<alias> or models:/<name>/<version number>")
    client = open_client(tracking_uri, should_create=False)
    found = _find_version(client, match["name"], match["alias"], match["version"])
    location = f"models:/{found.name}/{found.version}"
    if not is_unity_catalog(tracking_uri):
        # MLflow resolves models:/ at its global registry URI; the version's own location needs none.
        location = str(client.get_model_version_download_uri(found.name, found.version))
    path = _find_onnx(_download(location, tracking_uri), model)
    sha256 = digest_file(path)
    expected = found.tags.get(SHA256_TAG, sha256)
    if sha256 != expected:
        raise RegistryError(
            f"{model} (version {found.version}) has a file with SHA-256 {sha256}, but {expected} was registered: "
            "the file was changed; register the model again"
        )
    return ModelFile(path, sha256, found.name, int(found.version))


def _locate_in_run(client: MlflowClient, uri: str) -> str:
    """Where the files of `runs:/<run id>/<path>` lie: a model that the run logged under that name, or its artifacts.

    MLflow's own resolution of logged models asks its global tracking URI, not a given one.
    """
    from mlflow.exceptions import MlflowException

    run_id, _, path = uri.removeprefix("runs:").lstrip("/").partition("/")
    try:
        run = client.get_run(run_id)
        outputs = run.outputs.model_outputs if run.outputs else []
        for model in (client.get_logged_model(output.model_id) for output in outputs):
            if model.name == path:
                return str(model.artifact_location)
    except MlflowException as error:
        raise RegistryError(f"cannot fetch {uri}: {explain_failure(error)}") from None
    return f"{run.info.artifact_uri.rstrip('/')}/{path}"


def _find_version(client: MlflowClient, name: str, alias: str | None, version: str | None) -> ModelVersion:
    from mlflow.exceptions import MlflowException

    try:
        if alias is not None:
            return client.get_model_version_by_alias(name, alias)
        return client.get_model_version(name, version)
    except MlflowException as error:
        wanted = f"alias {alias!r}" if alias is not None else f"version {version}"
        raise RegistryError(f"model {name!r} has no {wanted}: {_describe_registry(client, name, error)}") from None


def _describe_registry(client: MlflowClient, name: str, error: Exception) -> str:
    """What the registry has instead of what was asked for."""
    from mlflow.exceptions import MlflowException

    try:
        aliases = client.get_registered_model(name).aliases
        versions = sorted(int(found.version) for found in client.search_model_versions(f"name = {quote_value(name)}"))
    except MlflowException:
        return _describe_models(client, error)
    known = ", ".join(f"{alias} (version {version})" for alias, version in sorted(aliases.items())) or "none"
    return f"its versions are {', '.join(map(str, versions)) or 'none'}, its aliases {known}"


def _describe_models(client: MlflowClient, error: Exception) -> str:
    from mlflow.exceptions import MlflowException

    try:
        names = [found.name for found in client.search_registered_models(max_results=20)]
    except MlflowException:
        return explain_failure(error)
    return f"no such model is registered; registered are {', '.join(names) or 'none'}"


def _download(uri: str, tracking_uri: str) -> Path:
    from mlflow.artifacts import download_artifacts
    from mlflow.exceptions import MlflowException

    target = None if uri.startswith(("file:", "/")) else tempfile.mkdtemp(dir=local_store())
    with quiet_mlflow():
        try:
            return Path(
                download_artifacts(
                    artifact_uri=uri,
                    dst_path=target,
                    tracking_uri=tracking_uri,
                    registry_uri=registry_uri(tracking_uri),
                )
            )
        except (MlflowException, OSError) as error:
            raise RegistryError(f"cannot fetch {uri}: {explain_failure(error)}") from None


def _find_onnx(path: Path, model: str) -> Path:
    """The ONNX file at a path, or the one of the MLflow model folder at it."""
    if path.is_file():
        return path
    if not path.is_dir():
        raise DataError(f"there is no model at {model!r}: give models:/<name>@<alias>, runs:/… or an ONNX file")
    file = _read_mlmodel(path) if (path / "MLmodel").is_file() else None
    if file is None:
        raise DataError(f"{model!r} is a folder without an MLflow model of the onnx flavour")
    return file


def _read_mlmodel(folder: Path) -> Path | None:
    from dbx_dl.config.yaml_text import read_mapping

    try:
        flavors = read_mapping((folder / "MLmodel").read_text(encoding="utf-8")).get("flavors")
    except ValueError as error:
        raise DataError(f"{folder / 'MLmodel'} {error}") from None
    flavor = flavors.get("onnx") if isinstance(flavors, dict) else None
    data = flavor.get("data") if isinstance(flavor, dict) else None
    if not isinstance(data, str):
        return None
    file = Path(os.path.normpath(folder / data))
    return file if file.is_file() and file.is_relative_to(os.path.normpath(folder)) else None
