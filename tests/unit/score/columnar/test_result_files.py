"""Result files and their commit: only what is committed counts, in one commit, whoever else writes."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError

from dbx_dl.errors import DataError
from dbx_dl.score.columnar.job import FilesJob
from dbx_dl.score.columnar.result_files import ResultFile, ResultWriter
from dbx_dl.score.columnar.target import make_schema, read_fields, read_target, replace_files

SCHEMA_JSON = json.dumps(
    {
        "type": "struct",
        "fields": [
            {"name": "key", "type": "string", "nullable": True, "metadata": {}},
            {"name": "value", "type": "double", "nullable": True, "metadata": {}},
            {"name": "error", "type": "string", "nullable": True, "metadata": {}},
        ],
    }
)
SCHEMA = make_schema(SCHEMA_JSON)


def write(folder: Path, keys: list[str], values: list[float | None]) -> ResultFile:
    with ResultWriter(str(folder), "scored-1", SCHEMA, "key", "error") as writer:
        for start in range(0, len(keys), 2):
            some = values[start : start + 2]
            errors = pa.array([f"null: of {start}: why" if value is None else None for value in some], pa.string())
            arrays = [pa.array(keys[start : start + 2]), pa.array(some, pa.float64()), errors]
            writer.write(pa.RecordBatch.from_arrays(arrays, schema=SCHEMA))
        return writer.finish()


def read_keys(folder: Path) -> list[str]:
    return sorted(DeltaTable(folder).to_pyarrow_table()["key"].to_pylist())


def test_a_file_is_described_as_delta_wants_it(tmp_path: Path) -> None:
    long = "z" * 40
    found = write(tmp_path, ["b", "a", long], [1.0, None, 2.0])
    stats = json.loads(found.stats)
    assert stats["numRecords"] == found.num_rows == 3 and stats["nullCount"] == {"key": 0, "value": 1, "error": 2}
    assert found.error_reasons == {"null": 1}
    assert stats["minValues"]["key"] == "a" and len(stats["maxValues"]["key"]) == 33
    assert stats["maxValues"]["key"] > long > stats["minValues"]["key"]
    assert found.size_bytes == (tmp_path / found.path).stat().st_size
    assert pq.read_table(tmp_path / found.path).schema.names == ["key", "value", "error"]


def commit(folder: Path, files: list[ResultFile], after: int) -> bool:
    return replace_files(
        str(folder), SCHEMA_JSON, files, after=after, mark={"m": after}, transaction=("tests", after + 1)
    )


def test_an_attempt_that_fails_leaves_nothing_and_a_second_one_shares_no_file(tmp_path: Path) -> None:
    with (
        pytest.raises(OSError, match="disk"),
        ResultWriter(str(tmp_path), "scored-1", SCHEMA, "key", "error") as writer,
    ):
        writer.write(
            pa.RecordBatch.from_arrays([pa.array(["a"]), pa.array([1.0]), pa.nulls(1, pa.string())], schema=SCHEMA)
        )
        raise OSError("the disk is full")
    assert list((tmp_path / "scored-1").iterdir()) == []
    first, second = write(tmp_path, ["a"], [1.0]), write(tmp_path, ["a"], [1.0])
    assert first.path != second.path
    assert commit(tmp_path, [second], -1)  # the first attempt's rows are not in the table
    assert read_keys(tmp_path) == ["a"]


def test_files_make_a_table_and_then_replace_all_of_it(tmp_path: Path) -> None:
    (tmp_path / "_delta_log").mkdir()  # as a killed writer left it
    assert commit(tmp_path, [write(tmp_path, ["a", "b"], [1, 2])], -1)
    assert commit(tmp_path, [write(tmp_path, ["c"], [3]), write(tmp_path, ["d"], [4])], 0)
    assert read_keys(tmp_path) == ["c", "d"] and commit(tmp_path, [], 1) and read_keys(tmp_path) == []
    marks = [json.loads(entry["userMetadata"]) for entry in DeltaTable(tmp_path).history()]
    assert marks == [{"m": 1}, {"m": 0}, {"m": -1}] and DeltaTable(tmp_path).transaction_version("tests") == 2


def make_job(folder: Path) -> FilesJob:
    """A job whose files lie in `scored-1`; nothing else of its task is asked for."""
    task: Any = SimpleNamespace(table=str(folder), folder="scored-1")
    return FilesJob(task, (), SCHEMA_JSON)


def test_files_of_a_commit_that_counts_stay_although_its_writer_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert commit(tmp_path, [write(tmp_path, ["a"], [1.0])], -1)
    make = DeltaTable.create_write_transaction

    def make_and_fail(table: DeltaTable, *arguments: Any, **options: Any) -> None:
        make(table, *arguments, **options)
        raise CommitFailedError("the log could not be tidied up afterwards")

    monkeypatch.setattr(DeltaTable, "create_write_transaction", make_and_fail)
    file = write(tmp_path, ["b"], [2.0])
    assert not make_job(tmp_path).commit([file], 0, {}, ("tests", 1))
    assert read_keys(tmp_path) == ["b"]


def test_files_of_a_lost_race_are_taken_away(tmp_path: Path) -> None:
    write_deltalake(tmp_path, pa.table({"key": ["a"], "value": [1.0], "error": pa.nulls(1, pa.string())}))
    assert not make_job(tmp_path).commit([write(tmp_path, ["b"], [2.0])], 5, {}, ("tests", 6))
    assert read_keys(tmp_path) == ["a"] and not (tmp_path / "scored-1").exists()


def test_whoever_comes_second_changes_nothing(tmp_path: Path) -> None:
    one, two = write(tmp_path, ["a"], [1.0]), write(tmp_path, ["b"], [1.0])
    assert commit(tmp_path, [one], -1) and not commit(tmp_path, [two], -1)
    assert commit(tmp_path, [one], 0) and not commit(tmp_path, [two], 0)
    assert read_keys(tmp_path) == ["a"] and DeltaTable(tmp_path).version() == 1


def test_facts_of_a_table(tmp_path: Path) -> None:
    rows = pa.table({"key": ["a"], "value": [1.0], "error": pa.nulls(1, pa.string())})
    settings = {"delta.appendOnly": "true"}
    write_deltalake(tmp_path / "t", rows, partition_by=["key"], configuration=settings)
    found = read_target(str(tmp_path / "t"))
    assert found.is_append_only and found.partition_columns == ("key",) and found.fields == read_fields(SCHEMA_JSON)
    with pytest.raises(DataError, match="cannot be opened"):
        read_target(str(tmp_path))
