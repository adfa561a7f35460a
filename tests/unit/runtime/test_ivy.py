"""Ivy is told one resolver, and its output is cut to the line that says why it failed."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from dbx_dl.runtime.ivy import explain_failure, find_ivy, make_settings


def test_spark_ships_ivy() -> None:
    assert find_ivy().name.startswith("ivy-")


@pytest.mark.parametrize(
    ("mirror", "root"),
    [("", None), ("https://example.org/maven?a=1&b=2", "https://example.org/maven?a=1&b=2"), ("/tmp", "file:///tmp")],
)
def test_settings_have_one_resolver(monkeypatch: pytest.MonkeyPatch, mirror: str, root: str | None) -> None:
    monkeypatch.setenv("DBX_DL_MAVEN_MIRROR", mirror)
    resolvers = ElementTree.fromstring(make_settings()).find("resolvers")
    assert resolvers is not None
    assert [resolver.get("root") for resolver in resolvers] == [root]


def test_failure_is_explained_by_the_telling_line() -> None:
    output = ":: resolving\n\t\tmodule not found: a#b;1\n\tSERVER ERROR: Bad Gateway url=x\n:: end"
    assert explain_failure(output) == "SERVER ERROR: Bad Gateway url=x"
    refused = "\tSERVER ERROR: Unauthorized url=https://u:SECRET@nexus/delta.jar"
    assert explain_failure(refused) == "SERVER ERROR: Unauthorized url=https://***@nexus/delta.jar"
    assert explain_failure("") == "no output"
    assert explain_failure("first\nlast words\n") == "last words"
