"""What there is to score: rows with a key, the model's raw inputs, and what is wrong with a row before any model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dbx_dl.contracts import ImageSpec
from dbx_dl.errors import DataError
from dbx_dl.runtime.sources import MALFORMED_COLUMN, read_image_files, read_source_rows
from dbx_dl.runtime.tables import pin_table, quote_column, read_pinned, require_columns
from dbx_dl.score.binding import input_columns
from dbx_dl.transforms.raw_columns import is_text, is_unparsable, read_number, read_text

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

    from dbx_dl.config import ScoreConfig
    from dbx_dl.contracts import FeatureSpec, InputSpec, TableVersion

_NESTED = ("array", "map", "struct", "binary", "variant")
_SHOWN_CHARACTERS = 60


@dataclass(frozen=True)
class ScoreRows:
    """`rows`: key string, inputs struct (fields named as the model's inputs), input_error string (null: none).

    `origin` says where they are from, with the version for a Delta table, which then is `table`.
    """

    rows: DataFrame
    origin: str
    table: TableVersion | None = None


def read_rows(spark: SparkSession, config: ScoreConfig, inputs: InputSpec) -> ScoreRows:
    """The rows to score; DataError when the source, its key, or a column that the model takes is absent.

    Text in the place of a number is parsed as in `prepare`: null tokens become null, anything else an `input_error`.
    """
    from pyspark.sql import functions as F

    if config.source_format == "images":
        found, table = read_image_files(spark, config.source), None
        key = "path"
        if isinstance(inputs, ImageSpec):
            found = found.withColumnRenamed("content", inputs.column)
    else:
        table = pin_table(spark, config.source) if config.source_format == "delta" else None
        found = read_pinned(spark, table) if table else read_source_rows(spark, config.source, config.source_format)
        key = config.key
    require_columns(found, (key, *input_columns(inputs)), f"source {config.source}")
    rows = found.select(
        F.col(quote_column(key)).cast("string").alias("key"),
        F.struct(*_read_inputs(found, inputs, config)).alias("inputs"),
        _input_error(found, inputs, config).alias("input_error"),
    )
    return ScoreRows(rows, f"{config.source}@v{table.version}" if table else config.source, table)


def check_keys(rows: DataFrame, what: str) -> None:
    """DataError unless every row has a key of its own, with the number of those that have not."""
    from pyspark.sql import functions as F

    groups = rows.groupBy("key").agg(F.count("*").alias("rows"))
    repeated = F.col("key").isNotNull() & (F.col("rows") > 1)
    found = groups.agg(
        F.coalesce(F.sum(F.when(F.col("key").isNull(), F.col("rows"))), F.lit(0)).alias("nulls"),
        F.count(F.when(repeated, 1)).alias("repeated"),
        F.min(F.when(repeated, F.col("key"))).alias("example"),
    ).collect()[0]
    problems = []
    if found["nulls"]:
        problems.append(f"{found['nulls']} rows without a key")
    if found["repeated"]:
        problems.append(f"{found['repeated']} keys that several rows have (such as {found['example']!r})")
    if problems:
        raise DataError(f"{what} has {' and '.join(problems)}: every row to score needs a key of its own")


def _read_inputs(found: DataFrame, inputs: InputSpec, config: ScoreConfig) -> list[Column]:
    from pyspark.sql import functions as F

    if isinstance(inputs, ImageSpec):
        return [F.col(quote_column(inputs.column))]
    _refuse_nested(found, inputs, config)
    return [
        read_number(found, feature.column, config.null_tokens)
        if feature.kind == "numeric"
        else read_text(feature.column, config.null_tokens)
        for feature in inputs.features
    ]


def _refuse_nested(found: DataFrame, spec: FeatureSpec, config: ScoreConfig) -> None:
    for feature in spec.features:
        kind = found.schema[feature.column].dataType.simpleString()
        is_number = feature.kind == "numeric" and kind not in ("date", "timestamp", "timestamp_ntz", "time")
        if kind.startswith(_NESTED) or (feature.kind == "numeric" and not is_number):
            wanted = "numbers" if feature.kind == "numeric" else "categories"
            raise DataError(f"source {config.source}: column {feature.column!r} is {kind}, the model takes {wanted}")


def _input_error(found: DataFrame, inputs: InputSpec, config: ScoreConfig) -> Column:
    from pyspark.sql import functions as F

    none = F.lit(None).cast("string")
    errors = [none]
    if MALFORMED_COLUMN in found.columns:
        text = F.substring(F.col(MALFORMED_COLUMN), 1, _SHOWN_CHARACTERS)
        broken = F.concat(F.lit("malformed: the line has not as many values as the header: "), text)
        errors.append(F.when(F.col(MALFORMED_COLUMN).isNotNull(), broken))
    if not isinstance(inputs, ImageSpec):
        numeric = [feature.column for feature in inputs.features if feature.kind == "numeric"]
        errors += [_unparsable_error(found, name, config) for name in numeric if is_text(found.schema[name].dataType)]
    return F.coalesce(*errors, none)


def _unparsable_error(found: DataFrame, name: str, config: ScoreConfig) -> Column:
    from pyspark.sql import functions as F

    value = F.substring(F.col(quote_column(name)), 1, _SHOWN_CHARACTERS)
    text = F.concat(F.lit(f"unparsable: column '{name}' holds '"), value, F.lit("', which is no number"))
    return F.when(is_unparsable(found, name, config.null_tokens), text)
