"""What there is to score: rows with a key, the model's raw inputs, and what is wrong with a row before any model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dbx_dl.contracts import ImageSpec
from dbx_dl.errors import DataError
from dbx_dl.runtime.row_sources import MALFORMED_COLUMN, read_rows
from dbx_dl.runtime.sources import read_image_files
from dbx_dl.runtime.tables import pin_table, quote_column, read_pinned, require_columns
from dbx_dl.score.binding import input_columns
from dbx_dl.transforms.raw_columns import (
    is_readable,
    is_text,
    is_unparsable,
    read_boolean,
    read_embedding,
    read_number,
    read_text,
    read_timestamp,
)

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

    from dbx_dl.config import ScoreConfig
    from dbx_dl.contracts import FeatureSpec, InputSpec, TableVersion
    from dbx_dl.contracts.inputs import Feature
    from dbx_dl.transforms.raw_columns import RawKind

SHOWN_CHARACTERS = 60
# Kind -> what a column's type should be, and what a value is not.
_WORDS: dict[RawKind, tuple[str, str]] = {
    "numeric": ("numbers", "no number"),
    "boolean": ("booleans", "neither true nor false"),
    "categorical": ("categories", "no category"),
    "datetime": ("dates or timestamps", "no date or time in ISO 8601"),
    "embedding": ("arrays of numbers", "no array of as many numbers as the model takes"),
}


@dataclass(frozen=True)
class ScoreRows:
    """`rows`: key string, inputs struct (fields named as the model's inputs), input_error string (null: none).

    `origin` says where they are from, with the version for a Delta table, which then is `table`.
    """

    rows: DataFrame
    origin: str
    table: TableVersion | None = None


def read_score_rows(spark: SparkSession, config: ScoreConfig, inputs: InputSpec) -> ScoreRows:
    """The rows to score; DataError when the source, its key, or a column that the model takes is absent.

    Text in the place of a number, boolean or timestamp is parsed as in `prepare`: null tokens become null, anything
    else an `input_error`, as does an array of a wrong length.
    """
    from pyspark.sql import functions as F

    if config.source_format == "images":
        found, table = read_image_files(spark, config.source), None
        key = "path"
        if isinstance(inputs, ImageSpec):
            found = found.withColumnRenamed("content", inputs.column)
    else:
        table = pin_table(spark, config.source) if config.source_format == "delta" else None
        found = read_pinned(spark, table) if table else _read_plain(spark, config)
        key = config.key
    require_columns(found, (key, *input_columns(inputs)), f"source {config.source}")
    rows = found.select(
        F.col(quote_column(key)).cast("string").alias("key"),
        F.struct(*_read_inputs(found, inputs, config)).alias("inputs"),
        _input_error(found, inputs, config).alias("input_error"),
    )
    return ScoreRows(rows, f"{config.source}@v{table.version}" if table else config.source, table)


def _read_plain(spark: SparkSession, config: ScoreConfig) -> DataFrame:
    return read_rows(spark, config.source, config.source_format, config.csv)


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
    _refuse_types(found, inputs, config)
    return [_read_input(found, feature, config) for feature in inputs.features]


def _read_input(found: DataFrame, feature: Feature, config: ScoreConfig) -> Column:
    name, tokens = feature.column, config.null_tokens
    match raw_kind(feature):
        case "numeric":
            return read_number(found, name, tokens)
        case "boolean":
            return read_boolean(found, name, tokens)
        case "categorical":
            return read_text(name, tokens)
        case "datetime":
            return read_timestamp(found, name, tokens)
        case "embedding":
            return read_embedding(found, name)


def raw_kind(feature: Feature) -> RawKind:
    """What a feature's column holds."""
    if feature.kind == "numeric":
        return "boolean" if feature.is_boolean else "numeric"
    return "categorical" if feature.kind == "hashed" else feature.kind


def _refuse_types(found: DataFrame, spec: FeatureSpec, config: ScoreConfig) -> None:
    for feature in spec.features:
        given, kind = found.schema[feature.column].dataType, raw_kind(feature)
        if not is_readable(given, kind):
            is_what = f"column {feature.column!r} is {given.simpleString()}"
            raise DataError(f"source {config.source}: {is_what}, the model takes {_WORDS[kind][0]}")


def _input_error(found: DataFrame, inputs: InputSpec, config: ScoreConfig) -> Column:
    from pyspark.sql import functions as F

    none = F.lit(None).cast("string")
    errors = [none]
    if MALFORMED_COLUMN in found.columns:
        text = F.substring(F.col(MALFORMED_COLUMN), 1, SHOWN_CHARACTERS)
        broken = F.concat(F.lit("malformed: the line has not as many values as the header: "), text)
        errors.append(F.when(F.col(MALFORMED_COLUMN).isNotNull(), broken))
    if not isinstance(inputs, ImageSpec):
        errors += [_unparsable_error(found, f, config) for f in inputs.features if _can_fail(found, f)]
    return F.coalesce(*errors, none)


def _can_fail(found: DataFrame, feature: Feature) -> bool:
    """Whether a value of the column can be unparsable; asked first, since tables may have thousands of columns."""
    kind = raw_kind(feature)
    return kind in ("boolean", "embedding") or (
        kind != "categorical" and is_text(found.schema[feature.column].dataType)
    )


def _unparsable_error(found: DataFrame, feature: Feature, config: ScoreConfig) -> Column:
    from pyspark.sql import functions as F

    name, kind = feature.column, raw_kind(feature)
    size = feature.size if feature.kind == "embedding" else None
    value = F.substring(F.col(quote_column(name)).cast("string"), 1, SHOWN_CHARACTERS)
    before, after = explain_unparsable(feature)
    text = F.concat(F.lit(before), value, F.lit(after))
    return F.when(is_unparsable(found, name, config.null_tokens, kind, size=size), text)


def explain_unparsable(feature: Feature) -> tuple[str, str]:
    """The text before and after a value that is none of the feature's kind."""
    return f"unparsable: column '{feature.column}' holds '", f"', which is {_WORDS[raw_kind(feature)][1]}"
