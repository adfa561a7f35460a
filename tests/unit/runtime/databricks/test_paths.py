"""Spark's names of volumes and of DBFS become paths that Python opens."""

from __future__ import annotations

import pytest

from dbx_dl.runtime.databricks import is_mounted, mount_path
from tests.fake_databricks import FakeDatabricks


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("dbfs:/Volumes/main/vision/runs/a", "/Volumes/main/vision/runs/a"),
        ("dbfs:/tables/a", "/dbfs/tables/a"),
        ("dbfs:///tables/a", "/dbfs/tables/a"),
        ("/Volumes/main/vision/runs/a", "/Volumes/main/vision/runs/a"),
        ("/somewhere/else", "/somewhere/else"),
        ("s3://bucket/a", "s3://bucket/a"),
    ],
)
@pytest.mark.parametrize("where", ["elsewhere", "databricks"])
def test_paths_are_mounted(monkeypatch: pytest.MonkeyPatch, where: str, path: str, expected: str) -> None:
    monkeypatch.delenv("DATABRICKS_RUNTIME_VERSION", raising=False)
    if where == "databricks":
        FakeDatabricks().install(monkeypatch)
    assert mount_path(path) == expected


def test_a_path_that_only_dbfs_has_is_found_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABRICKS_RUNTIME_VERSION", raising=False)
    monkeypatch.setattr("pathlib.Path.exists", lambda path: str(path) in ("/dbfs/tables/a", "/tables/b"))
    assert mount_path("/tables/a") == "/tables/a"
    FakeDatabricks().install(monkeypatch)
    assert mount_path("/tables/a") == "/dbfs/tables/a"
    assert mount_path("/tables/b") == "/tables/b"


def test_what_machines_share_is_known() -> None:
    shared = ("/Volumes/a/b/c", "dbfs:/Volumes/a/b/c", "dbfs:/a", "/dbfs/a")
    assert [path for path in shared if not is_mounted(path)] == []
    assert [path for path in ("/tmp/a", "/Workspace/a", "s3://b/a", "/Volumes2/a") if is_mounted(path)] == []
