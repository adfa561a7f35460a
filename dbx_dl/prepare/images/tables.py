"""Writing image tables: files and row groups that suit a feed, by replacing all or merging what changed."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dbx_dl.prepare.commits import commit_settings
from dbx_dl.prepare.images.layout import file_bytes, num_files, row_group_bytes, rows_per_file
from dbx_dl.prepare.images.rows import is_as_stored
from dbx_dl.prepare.outcomes import REASON
from dbx_dl.prepare.tables import index_labels, table_properties
from dbx_dl.runtime.progress import told_progress
from dbx_dl.runtime.session_settings import session_settings
from dbx_dl.runtime.table_writes import ACTION, DELETE, PUT, merge_rows, replace_table
from dbx_dl.runtime.tables import pin_table, quote_column, quote_table, read_pinned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import DataFrame, SparkSession

    from dbx_dl.config import PrepareFilesSection
    from dbx_dl.contracts import PreparedTable
    from dbx_dl.prepare.images.rows import News

logger = logging.getLogger(__name__)

# Compaction starts where a table has so many times the files that it needs.
_MAX_FILE_RATIO = 4
_FEW_FILES = 12


@dataclass(frozen=True)
class ImageTable:
    """The main table of a prepare of files; `write`s are the last step of a `publish`.

    It has `columns`. `rows` are the checked rows: they came in `num_tasks` tasks, if `is_sorted` by split and key, and
    `num_images` good ones of them are stored with `mean_bytes` each.
    """

    spark: SparkSession
    config: PrepareFilesSection
    label_names: tuple[str, ...]
    columns: Sequence[str]
    rows: DataFrame
    is_sorted: bool
    num_tasks: int
    num_images: int
    mean_bytes: float

    def replace(self) -> None:
        """Make the good ones of the checked rows the table's content, sorted by split and key."""
        good, files = self._select_good(self.rows), num_files(self.num_images, self.mean_bytes, self.config)
        if files < self.num_tasks or not self.is_sorted:
            # Ranges of keys, so that later changes of neighbours touch few files; not worth a shuffle for few files.
            spread = good.repartitionByRange(files, "split", "key") if files > _FEW_FILES else good.coalesce(files)
            good = spread.sortWithinPartitions("split", "key")
        num_tasks = min(files, self.num_tasks) if self.is_sorted else files
        told = told_progress(self.spark, lambda done, of: f"wrote {done} of {of} parts of the table", num_tasks)
        with session_settings(self.spark, self._layout()), told:
            properties = table_properties(self.config.keep_versions_days)
            replace_table(good, self.config.table, partitions=("split",), properties=properties)

    def merge(self, left: DataFrame, news: News) -> None:
        """Bring the good ones of the checked rows in by key, and take the keys in `left` out."""
        from pyspark.sql import functions as F

        good = self._select_good(self.rows.where(~is_as_stored())).withColumn(ACTION, F.lit(PUT))
        changes = good
        if news.num_refused or news.num_leaving:
            nothing = {name: F.lit(None) for name in good.columns if name not in ("key", ACTION)}
            changes = good.unionByName(left.withColumns(nothing | {ACTION: F.lit(DELETE)}))
        # Delta joins all that it rewrites for a split into one task's output.
        limit = {"spark.sql.files.maxRecordsPerFile": str(rows_per_file(self.mean_bytes, self.config))}
        with session_settings(self.spark, self._layout() | limit):
            merge_rows(self.spark, changes, self.config.table, "key", (news.first_key, news.last_key))

    def compact(self, prepared: PreparedTable) -> PreparedTable:
        """Join small files where incremental runs have left many, and return the contract of the version after it."""
        if len(read_pinned(self.spark, prepared.table).inputFiles()) <= _FEW_FILES:
            return prepared
        quoted = quote_table(self.config.table)
        detail = self.spark.sql(f"DESCRIBE DETAIL {quoted}").collect()[0]
        size = file_bytes(detail["sizeInBytes"] / max(1, prepared.num_rows), self.config)
        needed = sum(bool(n) for n in prepared.split_rows.values()) + math.ceil(detail["sizeInBytes"] / size)
        if detail["numFiles"] <= max(_FEW_FILES, _MAX_FILE_RATIO * needed):
            return prepared
        logger.info("compacting %d files of table %s", detail["numFiles"], self.config.table)
        sizes = {f"spark.databricks.delta.optimize.{name}FileSize": str(size) for name in ("min", "max")}
        with session_settings(self.spark, {**self._layout(), **sizes, **commit_settings(prepared.prepare_id)}):
            self.spark.sql(f"OPTIMIZE {quoted}").collect()
        return prepared.model_copy(update={"table": pin_table(self.spark, self.config.table)})

    def _select_good(self, rows: DataFrame) -> DataFrame:
        from pyspark.sql import functions as F

        good = index_labels(rows.where(F.col(REASON).isNull()), self.label_names)
        columns = [F.col(quote_column(name)) for name in self.columns]
        return good.withColumn("prepared_at", F.current_timestamp()).select(*columns)

    def _layout(self) -> dict[str, str]:
        return {"parquet.block.size": str(row_group_bytes(self.mean_bytes))}
