"""Images in a binary column of a Delta table, or of any table or view that Spark knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbx_dl.errors import DataError
from dbx_dl.prepare.images.sources.contents import attach_contents
from dbx_dl.prepare.images.sources.found import LISTING_COLUMNS, FoundImages
from dbx_dl.prepare.images.sources.user_columns import (
    choose_kept,
    choose_task,
    find_bad_values,
    problem,
    read_labels,
    read_split,
    require_used,
)
from dbx_dl.runtime.tables import (
    first_line,
    is_path,
    pin_table,
    quote_column,
    quote_table,
    read_pinned,
)

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

    from dbx_dl.config import TableSource


def find_in_table(spark: SparkSession, source: TableSource) -> FoundImages:
    """One image per row of the table, a Delta table at its latest version; sizes and times are unknown.

    Rows without a key are rejected as `no_key`, all rows of a key that several have as `duplicate_key`: nothing says
    which one is meant. An array column of labels makes the task `multilabel`, no label column `none`. DataError when
    the table or a column is absent, the content is not binary, or a further column's name is taken.
    """
    what = f"table {source.table}"
    rows = _open_table(spark, source.table)
    used = [source.key_column, source.content_column, source.label_column, source.split_column]
    require_used(rows, used, source.label_column, what)
    _require_binary(rows, source.content_column, what)
    extra_columns = choose_kept(rows.columns, used, what)
    whole = _list_rows(rows, source, extra_columns, what)
    listing = whole.drop("content")

    def read(some: DataFrame) -> DataFrame:
        from pyspark.sql import functions as F

        if some is listing:
            return whole
        contents = rows.select(_read_key(source).alias("key"), _quoted(source.content_column).alias("content"))
        return attach_contents(some, contents.where(F.col("key").isNotNull()))

    task = choose_task(rows, source.label_column, what)
    return FoundImages(listing, extra_columns, task, None, read, keeps_order=False)


def _open_table(spark: SparkSession, name: str) -> DataFrame:
    """The table's rows, pinned where it is a Delta table."""
    try:
        return read_pinned(spark, pin_table(spark, name))
    except DataError:
        if is_path(name):
            raise
    from pyspark.errors import PySparkException

    try:
        rows = spark.table(quote_table(name))
        _ = rows.schema  # Spark Connect finds errors only when it is asked
    except PySparkException as error:
        if "TABLE_OR_VIEW_NOT_FOUND" in str(error):
            raise DataError(f"table {name} does not exist") from None
        raise DataError(f"table {name} cannot be read: {first_line(error)}") from None
    return rows


def _require_binary(rows: DataFrame, column: str, what: str) -> None:
    kind = rows.schema[column].dataType.simpleString()
    if kind != "binary":
        raise DataError(f"{what}: column {column!r} is {kind}, images are read from a binary column")


def _list_rows(rows: DataFrame, source: TableSource, extra_columns: tuple[str, ...], what: str) -> DataFrame:
    """The listing and `content`, from one scan in which no bytes are shuffled."""
    from pyspark.sql import functions as F

    task = choose_task(rows, source.label_column, what)
    named = rows.select(
        _read_key(source).alias("key"),
        _quoted(source.content_column).alias("content"),
        read_labels(source.label_column, task).alias("label"),
        read_split(source.split_column).alias("given_split"),
        find_bad_values(source.label_column, task, source.split_column).alias("_unusable"),
        *(_quoted(name) for name in extra_columns),
    )
    counts = rows.select(_read_key(source).alias("_key")).groupBy("_key").agg(F.count("*").alias("_rows"))
    repeated = counts.where(F.col("_key").isNotNull() & (F.col("_rows") > 1))
    joined = named.join(F.broadcast(repeated), F.col("key") == F.col("_key"), "left")
    found = F.coalesce(
        problem(F.col("key").isNull(), "no_key", f"{source.key_column} is empty"),
        problem(F.col("_rows").isNotNull(), "duplicate_key", F.concat(F.col("_rows"), F.lit(" rows have this key"))),
        F.col("_unusable"),
    )
    columns = {
        "path": F.col("key"),
        "location": F.lit(None).cast("string"),
        "position": F.lit(None).cast("long"),
        "size_bytes": F.lit(None).cast("long"),
        "modified_at": F.lit(None).cast("timestamp"),
        "reason": found["reason"],
        "detail": found["detail"],
    }
    own = [columns.get(name, F.col(name)).alias(name) for name in LISTING_COLUMNS]
    return joined.select(*own, *(_quoted(name) for name in extra_columns), "content")


def _read_key(source: TableSource) -> Column:
    from pyspark.sql import functions as F

    text = _quoted(source.key_column).cast("string")
    return F.when(text != "", text)


def _quoted(name: str) -> Column:
    from pyspark.sql import functions as F

    return F.col(quote_column(name))
