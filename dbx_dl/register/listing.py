"""What a registry has: versions, aliases, metrics, and the tables they came from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dbx_dl.contracts import ListedVersion
from dbx_dl.errors import RegistryError
from dbx_dl.register.record import DECISION_TAG
from dbx_dl.register.upload import list_versions
from dbx_dl.runtime.tracking import explain_failure, open_client, quiet_mlflow, short_waits
from dbx_dl.score.model.model_file import SHA256_TAG

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

_METRIC = "dbx_dl_test_"


def list_models(tracking_uri: str, name: str | None = None) -> tuple[ListedVersion, ...]:
    """Every version of one model, or of all, latest first; RegistryError when there is no such model or no answer."""
    from mlflow.exceptions import MlflowException

    client = open_client(tracking_uri, should_create=False)
    try:
        with quiet_mlflow(), short_waits():
            names = [name] if name is not None else _list_names(client)
            return tuple(version for each in names for version in _list_model(client, each))
    except MlflowException as error:
        what = "the registry" if name is None else f"model {name!r}"
        raise RegistryError(f"{what} cannot be listed: {explain_failure(error)}") from None


def tabulate_versions(versions: Sequence[ListedVersion]) -> tuple[tuple[str, ...], ...]:
    """The list as a table of text, header first."""
    header = ("model", "version", "aliases", "on the test split", "table", "trained with", "made")
    rows = [
        (
            version.name,
            str(version.version),
            ", ".join(version.aliases),
            ", ".join(f"{name} {value:.4f}" for name, value in version.metrics.items()),
            f"{version.table}@{version.table_version}" if version.table else "",
            f"{version.framework} {version.network}".strip(),
            version.created_at[:16].replace("T", " "),
        )
        for version in versions
    ]
    return (header, *rows)


def _list_names(client: MlflowClient) -> list[str]:
    names: list[str] = []
    token = None
    while True:
        page = client.search_registered_models(page_token=token)
        names += [model.name for model in page]
        token = page.token
        if not token:
            return sorted(names)


def _list_model(client: MlflowClient, name: str) -> list[ListedVersion]:
    aliases = client.get_registered_model(name).aliases
    return [_describe(version, aliases) for version in list_versions(client, name)]


def _describe(version: ModelVersion, aliases: dict[str, str]) -> ListedVersion:
    tags = version.tags
    created = datetime.fromtimestamp(version.creation_timestamp / 1000, UTC)
    return ListedVersion(
        name=version.name,
        version=int(version.version),
        aliases=tuple(sorted(alias for alias, owner in aliases.items() if str(owner) == str(version.version))),
        metrics={tag.removeprefix(_METRIC): float(value) for tag, value in tags.items() if tag.startswith(_METRIC)},
        table=tags.get("dbx_dl_table", ""),
        table_version=tags.get("dbx_dl_table_version", ""),
        framework=tags.get("dbx_dl_framework", ""),
        network=tags.get("dbx_dl_network", ""),
        sha256=tags.get(SHA256_TAG, ""),
        run_id=version.run_id or "",
        created_at=created.isoformat(timespec="seconds"),
        decision=tags.get(DECISION_TAG, ""),
    )
