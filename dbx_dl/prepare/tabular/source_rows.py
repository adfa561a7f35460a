"""A table's source as rows with a key and a label: as they are, or windows of the series that it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbx_dl.config import IgnoredColumn
from dbx_dl.config.series import ORIGIN
from dbx_dl.prepare.labels import label_rows
from dbx_dl.prepare.tabular.targets import cut_label
from dbx_dl.runtime.row_sources import describe_source, read_rows
from dbx_dl.runtime.tables import require_columns
from dbx_dl.transforms.raw_series import cut_windows

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from dbx_dl.config import PrepareTableConfig
    from dbx_dl.contracts import TableVersion


def read_source(spark: SparkSession, config: PrepareTableConfig, labels: TableVersion | None = None) -> DataFrame:
    """The rows to prepare; DataError when the source, or a column that windows need, is absent.

    With `labels`, that table's are in the column `config.label`, and rows without one are left out.
    """
    rows = read_rows(spark, config.source, config.source_format, config.csv)
    if config.labels is not None and labels is not None:
        return label_rows(spark, rows, config, config.labels, labels)
    if config.series is None:
        return cut_label(rows, config)
    series = config.series
    what = describe_source(config.source, config.source_format)
    require_columns(rows, [*series.by, series.time, series.value, *series.known], what)
    return cut_windows(rows, series, config.key, config.null_tokens)


def keep_origins(config: PrepareTableConfig) -> PrepareTableConfig:
    """The config with the origin of windows kept in the table, where it is not declared: it is no feature."""
    if config.series is None or ORIGIN in (config.columns or {}):
        return config
    kept = IgnoredColumn(keep_as="datetime")
    return config.model_copy(update={"columns": {**(config.columns or {}), ORIGIN: kept}})
