"""Which failures of a commit mean that another writer was faster, and where a table may come to be."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbx_dl.errors import DataError
from dbx_dl.runtime.table_writes import is_lost_race, require_free_place
from dbx_dl.score.columnar.job import LEFTOVERS


@pytest.mark.parametrize(
    ("text", "is_lost"),
    [
        ("[DELTA_CONCURRENT_APPEND.WITH_PARTITION_HINT] Transaction conflict detected.", True),
        ("[DELTA_METADATA_CHANGED] MetadataChangedException: The metadata has been changed", True),
        ("io.delta.exceptions.ConcurrentTransactionException: This error occurs when", True),
        ("org.apache.spark.sql.delta.ConcurrentDeleteDeleteException", True),
        ("Job aborted due to stage failure: at java.util.concurrent.ConcurrentHashMap.computeIfAbsent", False),
        ("java.util.ConcurrentModificationException at java.util.concurrent.ConcurrentLinkedQueue.poll", False),
    ],
)
def test_only_deltas_own_conflicts_are_lost_races(text: str, is_lost: bool) -> None:
    assert is_lost_race(RuntimeError(text)) is is_lost


def test_what_a_killed_job_left_is_no_hindrance(tmp_path: Path) -> None:
    table = tmp_path / "predictions"
    require_free_place(str(table), "predictions", LEFTOVERS)
    (table / "scored-0123").mkdir(parents=True)
    (table / "scored-0123" / "part-1.parquet").write_bytes(b"half a file")
    require_free_place(str(table), "predictions", LEFTOVERS)
    (table / "scored-file").write_bytes(b"mine")
    with pytest.raises(DataError, match="is not a Delta table: name another place for the predictions"):
        require_free_place(str(table), "predictions", LEFTOVERS)


def test_a_place_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(
        DataError, match=r"file/a/b cannot be made: .*/file is a file; name another place for the table"
    ):
        require_free_place(str(tmp_path / "file" / "a" / "b"), "table")
