"""The jars are taken only with the right bytes, fetched all or nothing, and never fetched twice."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

from dbx_dl.errors import SetupError
from dbx_dl.runtime import jars
from dbx_dl.runtime.jars import Jar, fetch_jars, find_jars, jars_folder, list_jars, main

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


def test_list_holds_seven_jars_by_their_hashes() -> None:
    known = list_jars()
    assert len({jar.file_name for jar in known}) == len({jar.sha256 for jar in known}) == 7
    assert all(len(bytes.fromhex(jar.sha256)) == 32 for jar in known)
    assert {jar.group for jar in known} == {"io.delta", "io.unitycatalog"}


def test_jars_are_fetched_once_from_a_mirror(repository: Path) -> None:
    with pytest.raises(SetupError, match="first-1.0.jar is missing.*python -m dbx_dl.runtime.jars"):
        find_jars()
    paths = fetch_jars()
    assert [path.read_bytes() for path in paths] == list(CONTENTS.values())
    assert sorted(path.name for path in jars_folder().iterdir()) == ["first-1.0.jar", "second-1.0.jar"]
    shutil.rmtree(repository)
    assert fetch_jars() == find_jars() == paths


def test_changed_jar_is_refused_and_fetched_again(repository: Path) -> None:
    spoiled = fetch_jars()[1]
    spoiled.write_bytes(b"three")
    with pytest.raises(SetupError, match=f"second-1.0.jar has SHA-256 {hashlib.sha256(b'three').hexdigest()}"):
        find_jars()
    assert fetch_jars()[1].read_bytes() == b"two"


def test_nothing_is_kept_when_one_jar_is_wrong_or_absent(repository: Path) -> None:
    second = repository / "org" / "example" / "second" / "1.0" / "second-1.0.jar"
    second.write_bytes(b"other bytes")
    with pytest.raises(SetupError, match="not the ones that dbx_dl knows: second-1.0.jar"):
        fetch_jars()
    second.unlink()
    with pytest.raises(SetupError, match="DBX_DL_MAVEN_MIRROR"):
        fetch_jars()
    assert list(jars_folder().iterdir()) == []


def test_offline_folder_is_used_as_it_is(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    offline = tmp_path / "offline"
    shutil.copytree(fetch_jars()[0].parent, offline)
    shutil.rmtree(tmp_path / "cache")
    monkeypatch.setenv("DBX_DL_JARS_DIR", str(offline))
    assert [path.parent for path in fetch_jars()] == [offline, offline]
    (offline / "first-1.0.jar").unlink()
    with pytest.raises(SetupError, match="DBX_DL_JARS_DIR must hold"):
        fetch_jars()
    assert not (offline / "first-1.0.jar").exists()


def test_command_says_what_failed_in_one_line(
    repository: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert main() == 0
    shutil.rmtree(jars_folder())
    monkeypatch.setenv("DBX_DL_MAVEN_MIRROR", "/no/such/place")
    assert main() == 1
    assert "DBX_DL_MAVEN_MIRROR=/no/such/place is neither a URL, a folder nor a file" in caplog.messages[-1]
