"""New images or recordings of a folder, brought into a table as they arrive by a Structured Streaming query."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from dbx_dl.config import FolderSource, PrepareAudioConfig
from dbx_dl.errors import ConfigError
from dbx_dl.prepare.commits import find_present
from dbx_dl.prepare.images.kind import IMAGES
from dbx_dl.prepare.images.prepare import bring_in
from dbx_dl.prepare.images.sources.folders import list_file_rows
from dbx_dl.prepare.recordings.kind import RECORDINGS
from dbx_dl.runtime.file_streams import start_batches, stream_files

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.streaming import StreamingQuery

    from dbx_dl.config import PrepareFilesSection
    from dbx_dl.prepare.images.kind import FileKind

logger = logging.getLogger(__name__)


def stream_images(
    spark: SparkSession, config: PrepareFilesSection, *, checkpoint: str, interval_seconds: float | None = None
) -> StreamingQuery:
    """Start a query that does what `prepare_images` or `prepare_audio` does to files that are new since its last batch.

    Without `interval_seconds` it takes in all that is there and ends (`availableNow`), else it looks again so often,
    until it is stopped. `checkpoint` is a folder of its own that remembers which files were taken in. Files are found
    by Auto Loader on Databricks, by Spark's file source elsewhere, which does not see files without bytes; changed and
    removed files are for `prepare_images`. ConfigError unless the source is a folder, and for `refit`; a batch that
    `prepare_images` would refuse ends the query, with the table as it was.
    """
    source = config.source
    if not isinstance(source, FolderSource):
        raise ConfigError(f"source format {source.format} cannot be streamed: give a folder")
    if config.labels is not None:
        raise ConfigError("`labels` cannot be streamed: a file is seen once, and its label may come later; run prepare")
    if config.refit:
        raise ConfigError("refit cannot be streamed: run prepare once with it, then start the stream")
    find_present(spark, config.table)
    files = stream_files(spark, source.path, checkpoint)
    return start_batches(files, make_batch_writer(config, source), checkpoint, interval_seconds)


def make_batch_writer(config: PrepareFilesSection, source: FolderSource) -> Callable[[DataFrame, int], None]:
    """The function that a query calls with every batch of new files; a repeated batch changes nothing."""
    kind: FileKind = RECORDINGS if isinstance(config, PrepareAudioConfig) else IMAGES

    def write_batch(files: DataFrame, number: int) -> None:
        spark = files.sparkSession
        logger.info("batch %d of %s", number, source.path)
        bring_in(spark, config, lambda: list_file_rows(spark, source, files), kind, is_whole=False)

    return write_batch
