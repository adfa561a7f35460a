"""Writing image tables: files and row groups that suit a feed, by replacing all or merging what changed."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dbx_dl.prepare.commits import commit_settings
from dbx_dl.prepare.images.columns import COLUMNS
from dbx_dl.prepare.images.rows import is_as_stored, num_files, num_read_tasks
from dbx_dl.prepare.outcomes import REASON
from dbx_dl.prepare.tables import index_labels, table_properties
from dbx_dl.runtime.session_settings import session_settings
from dbx_dl.runtime.table_writes import ACTION, DELETE, PUT, merge_rows, replace_table
from dbx_dl.runtime.tables import pin_table, quote_column, quote_table, read_pinned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import DataFrame, SparkSession

    from dbx_dl.config import PrepareImagesConfig
    from dbx_dl.contracts import PreparedTable
    from dbx_dl.prepare.images.survey import Survey

logger = logging.getLogger(__name__)

# Images per row group: a feed reads row groups whole, and shuffles them.
_GROUP_ROWS = 512
_MIN_GROUP_BYTES, _MAX_GROUP_BYTES = 4 * 2**20, 64 * 2**20
# Compaction starts where a table has so many times the files that it needs.
_MAX_FILE_RATIO = 4
_FEW_FILES = 12


@dataclass(frozen=True)
class ImageTable:
    """The main table of an image prepare; `write`s are the last step of a `publish`."""

    spark: SparkSession
    config: PrepareImagesConfig
    label_names: tuple[str, ...]
    survey: Survey
    extra_columns: Sequence[str]

    def replace(self, rows: DataFrame) -> None:
        """Make the good ones of the checked rows, which come sorted by split and key, the table's content."""
        good = self._select_good(rows)
        files = num_files(self.survey, self.config)
        if files < num_read_tasks(self.survey, self.config):
            good = good.coalesce(files).sortWithinPartitions("split", "key")
        with session_settings(self.spark, self._layout()):
            properties = table_properties(self.config.keep_versions_days)
            replace_table(good, self.config.table, partitions=("split",), properties=properties)

    def merge(self, rows: DataFrame, left: DataFrame) -> None:
        """Bring the good ones of the checked rows in by key, and take the keys in `left` out."""
        from pyspark.sql import functions as F

        good = self._select_good(rows.where(~is_as_stored())).withColumn(ACTION, F.lit(PUT))
        nothing = {name: F.lit(None) for name in good.columns if name not in ("key", ACTION)}
        leaving = left.withColumns(nothing | {ACTION: F.lit(DELETE)})
        with session_settings(self.spark, self._layout()):
            merge_rows(self.spark, good.unionByName(leaving), self.config.table, "key")

    def compact(self, prepared: PreparedTable) -> PreparedTable:
        """Join small files where incremental runs have left many, and return the contract of the version after it."""
        if len(read_pinned(self.spark, prepared.table).inputFiles()) <= _FEW_FILES:
            return prepared
        quoted = quote_table(self.config.table)
        detail = self.spark.sql(f"DESCRIBE DETAIL {quoted}").collect()[0]
        needed = sum(bool(n) for n in prepared.split_rows.values()) + math.ceil(
            detail["sizeInBytes"] / self.config.target_file_bytes
        )
        if detail["numFiles"] <= max(_FEW_FILES, _MAX_FILE_RATIO * needed):
            return prepared
        logger.info("compacting %d files of table %s", detail["numFiles"], self.config.table)
        size = str(self.config.target_file_bytes)
        sizes = {f"spark.databricks.delta.optimize.{name}FileSize": size for name in ("min", "max")}
        with session_settings(self.spark, {**self._layout(), **sizes, **commit_settings(prepared.prepare_id)}):
            self.spark.sql(f"OPTIMIZE {quoted}").collect()
        return prepared.model_copy(update={"table": pin_table(self.spark, self.config.table)})

    def _select_good(self, rows: DataFrame) -> DataFrame:
        from pyspark.sql import functions as F

        good = index_labels(rows.where(F.col(REASON).isNull()), self.label_names)
        columns = [F.col(quote_column(name)) for name in (*COLUMNS, *self.extra_columns)]
        return good.withColumn("prepared_at", F.current_timestamp()).select(*columns)

    def _layout(self) -> dict[str, str]:
        wanted = int(self.survey.mean_bytes * _GROUP_ROWS)
        return {"parquet.block.size": str(min(_MAX_GROUP_BYTES, max(_MIN_GROUP_BYTES, wanted)))}
