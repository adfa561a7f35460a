"""Java is found as Spark finds it, and refused in a line when it is absent, broken or too old."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbx_dl.errors import SetupError
from dbx_dl.runtime.java import find_java, parse_java_version, require_java


def write_java(folder: Path, version_line: str) -> Path:
    """An executable that answers every call with this line, on stderr as java does."""
    folder.mkdir(parents=True, exist_ok=True)
    java = folder / "java"
    java.write_text(f"#!/bin/sh\necho '{version_line}' >&2\n", encoding="utf-8")
    java.chmod(0o755)
    return java


@pytest.mark.parametrize(
    ("line", "release"),
    [('openjdk version "17.0.15" 2025-04-15', 17), ('java version "1.8.0_392"', 8), ('openjdk version "21" 2023', 21)],
)
def test_release_is_read(line: str, release: int) -> None:
    assert parse_java_version(f"Picked up JAVA_TOOL_OPTIONS: -Dx=1\n{line}\n", Path("java")) == release


def test_java_home_goes_before_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = write_java(tmp_path / "home" / "bin", 'openjdk version "17.0.1"')
    on_path = write_java(tmp_path / "path", 'openjdk version "21.0.1"')
    monkeypatch.setenv("PATH", str(on_path.parent))
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "home"))
    assert find_java() == home
    monkeypatch.delenv("JAVA_HOME")
    assert find_java() == on_path


@pytest.mark.parametrize("line", ['java version "1.8.0_392"', "no version here"])
def test_old_or_broken_java_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    write_java(tmp_path / "bin", line)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    with pytest.raises(SetupError, match="install a JDK 17") as caught:
        require_java()
    assert "\n" not in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_missing_java_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(SetupError, match="Java not found: install a JDK 17"):
        find_java()
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(SetupError, match="has no bin/java"):
        find_java()
