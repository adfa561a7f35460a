"""Files of a folder as a stream (Auto Loader on Databricks, Spark's own file source elsewhere), and running one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dbx_dl.errors import DataError
from dbx_dl.runtime.databricks import is_databricks
from dbx_dl.runtime.sources import escape_globs, explain_read_errors
from dbx_dl.runtime.tables import absolute_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.streaming import StreamingQuery

_ONLY_GROWS = re.compile(r"DELTA_SOURCE_(IGNORE_DELETE|TABLE_IGNORE_CHANGES)")
# Spark's file source passes over files that are a week older than the newest one it has seen.
ANY_AGE = ("maxFileAge", "36500d")
_SCHEMA = "path string, modificationTime timestamp, length long, content binary"


def stream_files(spark: SparkSession, root: str, checkpoint: str) -> DataFrame:
    """A stream of every file below `root`, once each: path, modificationTime, length, content (read where selected)."""
    place = escape_globs(absolute_path(root))
    if is_databricks():
        options = {"cloudFiles.format": "binaryFile", "cloudFiles.schemaLocation": f"{checkpoint}/schema"}
        return spark.readStream.format("cloudFiles").options(**options).load(place)
    reader = spark.readStream.format("binaryFile").schema(_SCHEMA).option("recursiveFileLookup", "true")
    reader = reader.option(*ANY_AGE)
    return reader.load(place)


def start_batches(
    rows: DataFrame, write_batch: Callable[[DataFrame, int], None], checkpoint: str, interval_seconds: float | None
) -> StreamingQuery:
    """Start a query that hands the stream's rows to `write_batch`, with a number; a batch that failed comes again.

    Without `interval_seconds` it takes in all that is there and ends, else it looks again so often.
    """
    writer = rows.writeStream.option("checkpointLocation", checkpoint).foreachBatch(write_batch)
    if interval_seconds is None:
        return writer.trigger(availableNow=True).start()
    return writer.trigger(processingTime=f"{interval_seconds} seconds").start()


def await_stream(query: StreamingQuery) -> None:
    """Wait for the end of a query; a DataError of one of its batches is raised as such.

    DataError also where a Delta table without a change feed, which may only grow, did something else.
    """
    from pyspark.errors import StreamingQueryException

    try:
        query.awaitTermination()
    except StreamingQueryException as error:
        if _ONLY_GROWS.search(str(error)):
            raise DataError(
                "rows of the stream's source were changed or deleted: set its delta.enableChangeDataFeed, and start "
                "with a new checkpoint"
            ) from None
        with explain_read_errors("the stream"):
            raise error from None
