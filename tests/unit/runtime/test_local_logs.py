"""The latest version of a local Delta table by the names in its log, and nothing where these do not tell it."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from dbx_dl.runtime.local_logs import read_latest_version


def test_versions_of_a_growing_table(tmp_path: Path) -> None:
    table = str(tmp_path / "t")
    for version in range(3):
        write_deltalake(table, pa.table({"a": [version]}), mode="append")
        assert read_latest_version(table) == version
    DeltaTable(table).create_checkpoint()
    (Path(table) / "_delta_log" / f"{3:020}.json.tmp").touch()
    (Path(table) / "_delta_log" / f".{3:020}.json.crc").touch()
    (Path(table) / "_delta_log" / f"{3:020}.00000000-0000-0000-0000-000000000000.json").touch()
    assert read_latest_version(table) == 2


def test_only_spark_can_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_deltalake(str(tmp_path / "t"), pa.table({"a": [1]}))
    (tmp_path / "empty" / "_delta_log").mkdir(parents=True)
    for path in (str(tmp_path), str(tmp_path / "empty"), str(tmp_path / "absent"), "s3://bucket/t", "dbfs:/t"):
        assert read_latest_version(path) is None
    (tmp_path / "t" / "_delta_log" / "_staged_commits").mkdir()
    assert read_latest_version(str(tmp_path / "t")) == 0
    (tmp_path / "t" / "_delta_log" / "_staged_commits" / "1.json").touch()
    assert read_latest_version(str(tmp_path / "t")) is None
    (tmp_path / "t" / "_delta_log" / "_staged_commits" / "1.json").unlink()
    monkeypatch.setenv("DATABRICKS_RUNTIME_VERSION", "17.3")
    assert read_latest_version(str(tmp_path / "t")) is None
