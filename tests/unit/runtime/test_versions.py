"""Installed packages are compared with the lock, and what differs is named."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import pytest

from dbx_dl.errors import SetupError
from dbx_dl.runtime import versions
from dbx_dl.runtime.versions import compare_versions, list_needs, read_pins


def write_lock(folder: Path, *lines: str) -> Path:
    """A lock of these lines."""
    lock = folder / "constraints.txt"
    lock.write_text("# a comment with a==1\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return lock


def test_what_agrees_and_what_is_not_installed_is_fine(tmp_path: Path) -> None:
    lock = write_lock(tmp_path, f"PyYAML=={version('pyyaml')}", "no-such-package==1.0")
    assert read_pins(lock) == {"PyYAML": version("pyyaml"), "no-such-package": "1.0"}
    assert compare_versions(lock) == "2 locked packages, none differs"


def test_what_differs_is_named_with_the_fix(tmp_path: Path) -> None:
    lock = write_lock(tmp_path, "PyYAML==0.1", *(f"{name}==0.1" for name in ("pytest", "typer", "rich", "numpy")))
    with pytest.raises(SetupError, match=f"PyYAML {version('pyyaml')} \\(locked 0.1\\).* and 1 more: pip install"):
        compare_versions(lock)


def test_build_tag_of_torch_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions.metadata, "version", lambda name: "2.13.0+cpu")
    assert compare_versions(write_lock(tmp_path, "torch==2.13.0")) == "1 locked packages, none differs"


def test_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions.metadata, "requires", lambda name: ["absent>=1", 'other>=1; extra == "dev"'])
    with pytest.raises(SetupError, match="absent not installed: pip install -c"):
        compare_versions(write_lock(tmp_path))


def test_needs_are_those_of_all_stages() -> None:
    needs = list_needs()
    assert {"pydantic", "pyspark", "torch", "tensorflow", "mlflow", "deltalake"} <= set(needs)
    assert "pytest" not in needs


def test_without_a_lock_that_is_said(tmp_path: Path) -> None:
    assert "no constraints.txt" in compare_versions(tmp_path / "absent.txt")
