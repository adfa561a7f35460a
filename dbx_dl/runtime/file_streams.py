"""Files of a folder as a stream: Auto Loader on Databricks, Spark's own file source elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbx_dl.runtime.databricks import is_databricks
from dbx_dl.runtime.sources import escape_globs
from dbx_dl.runtime.tables import absolute_path

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_SCHEMA = "path string, modificationTime timestamp, length long, content binary"


def stream_files(spark: SparkSession, root: str, checkpoint: str) -> DataFrame:
    """A stream of every file below `root`, once each: path, modificationTime, length, content (read where selected)."""
    place = escape_globs(absolute_path(root))
    if is_databricks():
        options = {"cloudFiles.format": "binaryFile", "cloudFiles.schemaLocation": f"{checkpoint}/schema"}
        return spark.readStream.format("cloudFiles").options(**options).load(place)
    reader = spark.readStream.format("binaryFile").schema(_SCHEMA).option("recursiveFileLookup", "true")
    return reader.load(place)
