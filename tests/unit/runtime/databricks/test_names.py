"""Names of Unity Catalog have three parts; models live there for Databricks' tracking URIs."""

import pytest

from dbx_dl.errors import ConfigError
from dbx_dl.runtime.databricks import is_unity_catalog, parse_unity_name, registry_uri


def test_names_are_read_with_and_without_backticks() -> None:
    assert str(parse_unity_name("main.vision.digits", "table")) == "main.vision.digits"
    assert parse_unity_name("`main`.vision.`digits`", "table") == ("main", "vision", "digits")


@pytest.mark.parametrize("name", ["digits", "vision.digits", "a.b.c.d", "main..digits", ""])
def test_another_name_is_refused_with_what_to_write(name: str) -> None:
    with pytest.raises(ConfigError, match=r"is no model of Unity Catalog: write catalog\.schema\.name"):
        parse_unity_name(name, "model")


@pytest.mark.parametrize(
    ("uri", "expected"),
    [("databricks", True), ("databricks://profile", True), ("databricks-uc", True), ("sqlite:///m.db", False)],
)
def test_unity_catalog_is_recognized(uri: str, expected: bool) -> None:
    assert is_unity_catalog(uri) is expected


@pytest.mark.parametrize(
    ("tracking", "registry"),
    [
        ("sqlite:///m.db", "sqlite:///m.db"),
        ("https://mlflow.example", "https://mlflow.example"),
        ("databricks", "databricks-uc"),
        ("databricks://profile", "databricks-uc://profile"),
        ("databricks-uc", "databricks-uc"),
    ],
)
def test_models_live_in_unity_catalog_on_databricks(tracking: str, registry: str) -> None:
    assert registry_uri(tracking) == registry
