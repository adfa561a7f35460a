"""Rows that are computed once, however often they are used."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dbx_dl.runtime.tables import first_line

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

logger = logging.getLogger(__name__)


@contextmanager
def kept_on_disk(rows: DataFrame) -> Iterator[DataFrame]:
    """`rows`, computed once however often they are used inside the block.

    Kept on the executors' disks rather than staged as another table: it needs no place to write to, works for named
    tables as for paths and on Spark Connect, leaves nothing behind when a job dies, and a lost executor only costs
    the recomputation of its share. Where Spark refuses (serverless compute), rows are computed for every use.
    """
    from pyspark.errors import PySparkException
    from pyspark.storagelevel import StorageLevel

    try:
        kept = rows.persist(StorageLevel.DISK_ONLY)
    except PySparkException as error:
        logger.warning("this Spark does not keep rows between passes (%s): they are computed twice", first_line(error))
        yield rows
        return
    try:
        yield kept
    finally:
        kept.unpersist()
