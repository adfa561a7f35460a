"""Which failures of a commit mean that another writer was faster."""

from __future__ import annotations

import pytest

from dbx_dl.runtime.table_writes import is_lost_race


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
