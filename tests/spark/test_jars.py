"""Spark's Ivy fetches the jars from a repository, all or nothing, and only when they are not there already."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

from dbx_dl.errors import SetupError
from dbx_dl.runtime import jars
from dbx_dl.runtime.ivy import download_jars
from dbx_dl.runtime.jars import Jar, fetch_jars, find_jars, jars_folder, main

CONTENTS = {"first": b"one", "second": b"two"}


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Maven repository in a folder with two small jars, which are the list; the cache is empty."""
    known = [Jar(hashlib.sha256(data).hexdigest(), "org.example", name, "1.0") for name, data in CONTENTS.items()]
    for jar in known:
        file = tmp_path / "repository" / "org" / "example" / jar.artifact / jar.version / jar.file_name
        file.parent.mkdir(parents=True)
        file.write_bytes(CONTENTS[jar.artifact])
    monkeypatch.setattr(jars, "list_jars", lambda: known)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("DBX_DL_MAVEN_MIRROR", str(tmp_path / "repository"))
    monkeypatch.delenv("DBX_DL_JARS_DIR", raising=False)
    return tmp_path / "repository"


def test_jars_are_fetched_once_and_mended_when_spoiled(repository: Path) -> None:
    paths = fetch_jars()
    assert [path.read_bytes() for path in paths] == list(CONTENTS.values())
    assert sorted(path.name for path in jars_folder().iterdir()) == ["first-1.0.jar", "second-1.0.jar"]
    paths[1].write_bytes(b"three")
    assert fetch_jars()[1].read_bytes() == b"two"
    shutil.rmtree(repository)
    assert fetch_jars() == find_jars() == paths


def test_nothing_is_kept_when_one_jar_is_wrong_or_absent(repository: Path) -> None:
    second = repository / "org" / "example" / "second" / "1.0" / "second-1.0.jar"
    second.write_bytes(b"other bytes")
    with pytest.raises(SetupError, match=r"not the ones that dbx_dl knows: second-1\.0\.jar"):
        fetch_jars()
    second.unlink()
    with pytest.raises(SetupError, match="DBX_DL_MAVEN_MIRROR"):
        fetch_jars()
    assert list(jars_folder().iterdir()) == []


def test_command_says_what_failed_in_one_line(
    repository: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert main() == 0
    shutil.rmtree(jars_folder())
    monkeypatch.setenv("DBX_DL_MAVEN_MIRROR", "/no/such/place")
    assert main() == 1
    assert "DBX_DL_MAVEN_MIRROR=/no/such/place is neither a URL, a folder nor a file" in caplog.messages[-1]


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
