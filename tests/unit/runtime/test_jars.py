"""The jars are taken only with the right bytes, from the cache or from a folder that the user names."""

from __future__ import annotations

import hashlib
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from dbx_dl.errors import SetupError
from dbx_dl.runtime import jars
from dbx_dl.runtime.jars import Jar, fetch_jars, find_jars, jars_folder, list_jars


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The jars' folder in an own cache, with the two small jars that are the list."""
    contents = {"first": b"one", "second": b"two"}
    known = [Jar(hashlib.sha256(data).hexdigest(), "org.example", name, "1.0") for name, data in contents.items()]
    monkeypatch.setattr(jars, "list_jars", lambda: known)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("DBX_DL_JARS_DIR", raising=False)
    folder = tmp_path / "dbx_dl" / "jars"
    folder.mkdir(parents=True)
    for name, data in contents.items():
        (folder / f"{name}-1.0.jar").write_bytes(data)
    return folder


def test_list_holds_seven_jars_by_their_hashes() -> None:
    known = list_jars()
    assert len({jar.file_name for jar in known}) == len({jar.sha256 for jar in known}) == 7
    assert all(len(bytes.fromhex(jar.sha256)) == 32 for jar in known)
    assert {jar.group for jar in known} == {"io.delta", "io.unitycatalog"}


@pytest.mark.parametrize(
    ("installed", "spark"), [("4.0.0", "4.0"), ("4.0.2", "4.0"), ("4.1.4", "4.1"), ("4.1.0.dev1", "4.1")]
)
def test_each_spark_has_its_own_delta(monkeypatch: pytest.MonkeyPatch, installed: str, spark: str) -> None:
    monkeypatch.setattr(jars, "version", lambda name: installed)
    names = [jar.artifact for jar in list_jars()]
    assert [name for name in names if name.startswith("delta-spark")] == [f"delta-spark_{spark}_2.13"]
    assert len(names) == 7


def test_without_spark_the_newest_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    def find(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(jars, "version", find)
    assert list_jars()[0].artifact == "delta-spark_4.1_2.13"


def test_cache_is_in_the_home_folder_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("DBX_DL_JARS_DIR", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert jars_folder() == tmp_path / ".cache" / "dbx_dl" / "jars"


def test_jars_that_are_there_are_not_fetched(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBX_DL_MAVEN_MIRROR", "/no/such/place")
    assert fetch_jars() == find_jars() == [cache / "first-1.0.jar", cache / "second-1.0.jar"]


def test_missing_and_changed_jars_are_named(cache: Path) -> None:
    (cache / "second-1.0.jar").write_bytes(b"three")
    with pytest.raises(SetupError, match=f"second-1.0.jar has SHA-256 {hashlib.sha256(b'three').hexdigest()}"):
        find_jars()
    (cache / "first-1.0.jar").unlink()
    with pytest.raises(
        SetupError, match=r"first-1\.0\.jar is missing \(and 1 more\): run `python -m dbx_dl.runtime.jars`"
    ):
        find_jars()


def test_offline_folder_is_used_as_it_is(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    offline = cache.rename(tmp_path / "offline")
    monkeypatch.setenv("DBX_DL_JARS_DIR", str(offline))
    assert fetch_jars() == [offline / "first-1.0.jar", offline / "second-1.0.jar"]
    (offline / "first-1.0.jar").unlink()
    with pytest.raises(SetupError, match="DBX_DL_JARS_DIR must hold"):
        fetch_jars()
    assert not (offline / "first-1.0.jar").exists()
