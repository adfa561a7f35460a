"""Rows that stand for rows in general: what a row is compared with when one of its features is taken away."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from dbx_dl.errors import DataError
from dbx_dl.explain.arrow_streams import write_stream
from dbx_dl.runtime.tables import pin_table, quote_column, read_pinned, require_columns

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

    from dbx_dl.score.udf import ColumnScorer

logger = logging.getLogger(__name__)

_COPY = "_dbx_dl_copy"


def find_background(spark: SparkSession, scorer: ColumnScorer, given: DataFrame | str | None) -> DataFrame | None:
    """The rows that are given, or the train split of the table that a model of dbx_dl learned; None where it is gone.

    Of a model with one input (N, k) what is given may have k columns instead, in the order of the input. DataError when
    what is given is no table, or lacks a column.
    """
    if given is not None:
        rows = read_pinned(spark, pin_table(spark, given)) if isinstance(given, str) else given
        by_position = scorer.plan.for_columns(len(rows.columns)).columns
        if by_position != scorer.input_columns and not set(scorer.input_columns) & set(rows.columns):
            return rows.toDF(*by_position)
        require_columns(rows, scorer.input_columns, "the background")
        return rows
    if not scorer.is_own:
        return None
    table = scorer.metadata.table
    try:
        rows = read_pinned(spark, table)
        require_columns(rows, (*scorer.input_columns, "split"), f"table {table.name}")
    except DataError as error:
        logger.warning("the table that the model learned from cannot be read (%s)", error)
        return None
    return rows.where("split = 'train'")


def draw_background(rows: DataFrame, columns: tuple[str, ...], num_rows: int, seed: int, what: str) -> bytes:
    """So many of the rows, drawn by `seed` and by what they hold, as an Arrow stream of the columns.

    Equal rows are drawn one by one, so that what is frequent is so among those that are drawn. DataError where there
    are none.
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    texts = columns_as_text(columns)
    # By what they hold alone, equal rows would all come beside each other.
    copy = F.row_number().over(Window.partitionBy(*texts).orderBy(F.lit(0)))
    numbered = rows.select(*(F.col(quote_column(name)) for name in columns), copy.alias(_COPY))
    order = F.xxhash64(F.lit(seed), *texts, F.col(_COPY))
    drawn = numbered.orderBy(order, *texts, _COPY).limit(num_rows).drop(_COPY).toArrow()
    if not drawn.num_rows:
        raise DataError(f"{what} has no rows that could stand for absent features: name another table as `background`")
    return write_stream(drawn)


def columns_as_text(columns: tuple[str, ...]) -> list[Column]:
    """The columns as text, which has an order whatever they hold."""
    from pyspark.sql import functions as F

    return [F.col(quote_column(name)).cast("string") for name in columns]
