"""Spark session settings for the length of a block, and those that fit a folder of files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_BATCH_BYTES = 64 * 1024 * 1024
_MAX_BATCH_BYTES = 1024 * 1024 * 1024
_MAX_BATCH_ROWS = 1000
FILE_SETTINGS = {
    # Opening a file counts as 64 KB instead of 4 MB: 32 small images would already make a task of their own.
    "spark.sql.files.openCostInBytes": str(64 * 1024),
    # New in Spark 4.1; elsewhere it is a name without effect.
    "spark.sql.execution.arrow.maxBytesPerBatch": str(_BATCH_BYTES),
}


@contextmanager
def session_settings(spark: SparkSession, settings: Mapping[str, str]) -> Iterator[None]:
    """Spark session settings inside the block; the session's own come back after it."""
    before = {name: spark.conf.get(name, None) for name in settings}
    for name, value in settings.items():
        spark.conf.set(name, value)
    try:
        yield
    finally:
        for name, earlier in before.items():
            if earlier is None:
                spark.conf.unset(name)
            else:
                spark.conf.set(name, earlier)


def batch_settings(mean_bytes: float, max_bytes: int) -> dict[str, str]:
    """Settings that keep Arrow batches of such files near 64 MB, and far below Arrow's limit of 2 GB."""
    rows = min(_BATCH_BYTES / max(mean_bytes, 1.0), _MAX_BATCH_BYTES / max(max_bytes, 1), _MAX_BATCH_ROWS)
    return {"spark.sql.execution.arrow.maxRecordsPerBatch": str(max(1, int(rows)))}
