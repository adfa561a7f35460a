"""Ivy is told one resolver, and its output is cut to the line that says why it failed."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from dbx_dl.errors import SetupError
from dbx_dl.runtime.ivy import download_jars, explain_failure, find_ivy, make_settings
from dbx_dl.runtime.jars import Jar


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


def test_settings_file_is_taken_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "repository").mkdir()
    (tmp_path / "repository" / "thing.jar").write_bytes(b"x")
    settings = tmp_path / "ivysettings.xml"
    settings.write_text(
        '<ivysettings><settings defaultResolver="ours"/><resolvers><filesystem name="ours">'
        f'<artifact pattern="{tmp_path}/repository/[artifact].[ext]"/></filesystem></resolvers></ivysettings>',
        encoding="utf-8",
    )
    monkeypatch.setenv("DBX_DL_MAVEN_MIRROR", str(settings))
    work = tmp_path / "work"
    work.mkdir()
    download_jars([Jar("", "org.example", "thing", "2.0")], tmp_path / "out", work)
    assert (tmp_path / "out" / "thing-2.0.jar").read_bytes() == b"x"


def test_unreachable_repository_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBX_DL_MAVEN_MIRROR", "http://127.0.0.1:9/maven")
    with pytest.raises(SetupError, match="DBX_DL_JARS_DIR") as caught:
        download_jars([Jar("", "org.example", "thing", "2.0")], tmp_path / "out", tmp_path)
    assert "\n" not in str(caught.value)


def test_failure_is_explained_by_the_telling_line() -> None:
    output = ":: resolving\n\t\tmodule not found: a#b;1\n\tSERVER ERROR: Bad Gateway url=x\n:: end"
    assert explain_failure(output) == "SERVER ERROR: Bad Gateway url=x"
    assert explain_failure("") == "no output"
    assert explain_failure("first\nlast words\n") == "last words"
