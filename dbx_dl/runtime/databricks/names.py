"""Names in Unity Catalog, and where models live for a tracking URI."""

from __future__ import annotations

from typing import NamedTuple

from dbx_dl.errors import ConfigError

_TRACKING, _REGISTRY = "databricks", "databricks-uc"


class UnityName(NamedTuple):
    """The three parts of a table's or model's name."""

    catalog: str
    schema: str
    name: str

    def __str__(self) -> str:
        return ".".join(self)


def parse_unity_name(name: str, kind: str) -> UnityName:
    """Read catalog.schema.name, parts in backticks or not; ConfigError, naming the `kind` of thing, for another."""
    parts = [part.strip("`") for part in name.split(".")]
    if len(parts) != 3 or not all(parts):
        raise ConfigError(f"{name!r} is no {kind} of Unity Catalog: write catalog.schema.name")
    return UnityName(*parts)


def registry_uri(tracking_uri: str) -> str:
    """Where models live for a tracking URI: on Databricks Unity Catalog, elsewhere the same place."""
    scheme, separator, profile = tracking_uri.partition("://")
    return f"{_REGISTRY}{separator}{profile}" if scheme == _TRACKING else tracking_uri


def is_unity_catalog(tracking_uri: str) -> bool:
    """Whether models of that tracking URI live in Unity Catalog."""
    return registry_uri(tracking_uri).startswith(_TRACKING)
