"""What there is to score: rows with a key, the model's raw inputs, and what is wrong with a row before any model."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from functools import reduce
from operator import and_
from typing import TYPE_CHECKING

from dbx_dl.contracts import ImageSpec
from dbx_dl.errors import ConfigError, DataError
from dbx_dl.runtime.row_sources import read_rows
from dbx_dl.runtime.source_columns import MALFORMED_COLUMN
from dbx_dl.runtime.sources import read_image_files
from dbx_dl.runtime.tables import (
    first_line,
    locate_version,
    pin_table,
    quote_column,
    read_history,
    read_pinned,
    require_columns,
)
from dbx_dl.score.tables.input_hash import digest_options, hash_inputs
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
from dbx_dl.transforms.raw_series import cut_last_windows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from pyspark.sql import Column, DataFrame, SparkSession

    from dbx_dl.config import ScoreConfig
    from dbx_dl.contracts import ColumnsSpec, InputSpec, TableVersion
    from dbx_dl.contracts.inputs import AnyFeature
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
class Source:
    """Everything that a config's source holds: `found` has its own columns, of every row whatever `where` says.

    `origin` says where they are from, with the version for a Delta table, which then is `table`.
    """

    found: DataFrame
    origin: str
    table: TableVersion | None = None


def open_source(spark: SparkSession, config: ScoreConfig) -> Source:
    """The source, a Delta table pinned at the version asked for (its latest without one).

    DataError when the source or that version does not exist, ConfigError for a version of another source.
    """
    if config.series is not None:
        return _open_series(spark, config)
    if config.source_format == "delta":
        table = _pin_source(spark, config)
        return Source(read_pinned(spark, table), f"{config.source}@v{table.version}", table)
    if config.source_version is not None or config.source_timestamp is not None:
        raise ConfigError(f"source format {config.source_format} has no versions: leave out source_version/_timestamp")
    if config.source_format == "images":
        return Source(read_image_files(spark, config.source), config.source)
    return Source(read_rows(spark, config.source, config.source_format, config.csv), config.source)


def _open_series(spark: SparkSession, config: ScoreConfig) -> Source:
    """The windows of each series' last origin; they are of no table that could be read without Spark."""
    plain = config.model_copy(update={"series": None})
    source = open_source(spark, plain)
    if config.series is None or not isinstance(config.key, str):
        raise ConfigError("windows need `series` and one `key`")
    names = [*config.series.by, config.series.time, config.series.value, *config.series.known]
    require_columns(source.found, names, f"source {config.source}")
    return Source(cut_last_windows(source.found, config.series, config.key, config.null_tokens), source.origin)


def select_rows(found: DataFrame, config: ScoreConfig) -> DataFrame:
    """The rows within `where`; ConfigError, before any job, when that is no condition on the source's columns."""
    from pyspark.errors import PySparkException

    if config.where is None:
        return found
    try:
        rows = found.where(config.where)
        _ = rows.schema  # Spark Connect finds errors only when it is asked
    except PySparkException as error:
        raise ConfigError(f"where {config.where!r} is no condition on {config.source}: {first_line(error)}") from None
    return rows


def name_for_model(found: DataFrame, config: ScoreConfig, given: Mapping[str, str]) -> DataFrame:
    """The rows with the model's columns under its names; `given` has the source's column for each of them."""
    from pyspark.sql import functions as F

    mapped = {name: column for name, column in given.items() if name != column}
    if not mapped:
        return found
    require_columns(found, tuple(mapped.values()), f"source {config.source}")
    return found.withColumns({name: F.col(quote_column(column)) for name, column in mapped.items()})


def shape_rows(found: DataFrame, config: ScoreConfig, inputs: InputSpec | None, columns: Sequence[str]) -> DataFrame:
    """Rows to score: key string, inputs struct, input_error string (null: none), input_hash bigint.

    The struct's fields are named as the model's inputs, `columns`; without `inputs`, which are a model's of dbx_dl,
    they stay as they are. Text in the place of a number, boolean or timestamp is parsed as in `prepare`: null tokens
    become null, anything else an `input_error`, as does an array of a wrong length. The hash is null where no later
    job asks for it. DataError when the key, or a column that the model takes, is absent or of a type that cannot be
    read.
    """
    from pyspark.sql import functions as F

    if config.source_format == "images" and isinstance(inputs, ImageSpec):
        found = found.withColumnRenamed("content", inputs.column)
    require_columns(found, (*key_columns(config), *columns), f"source {config.source}")
    rows = found.select(
        key_of(config).alias("key"),
        F.struct(*_read_inputs(found, inputs, columns, config)).alias("inputs"),
        _input_error(found, inputs, config).alias("input_error"),
    )
    if not config.has_input_hashes:
        return rows.withColumn("input_hash", F.lit(None).cast("bigint"))
    struct = rows.schema["inputs"].dataType
    values = [(F.col("inputs").getField(field.name), field.dataType) for field in struct]
    values.append((F.col("input_error"), rows.schema[2].dataType))
    return rows.withColumn("input_hash", hash_inputs(values, digest_options(config.options)))


def key_columns(config: ScoreConfig) -> tuple[str, ...]:
    """The source's columns that make a row's key."""
    if config.source_format == "images":
        return ("path",)
    return (config.key,) if isinstance(config.key, str) else config.key


def key_of(config: ScoreConfig) -> Column:
    """A source row's key as string; of several columns, their strings as a JSON list, null where one is null."""
    from pyspark.sql import functions as F

    parts = [F.col(quote_column(name)).cast("string") for name in key_columns(config)]
    if len(parts) == 1:
        return parts[0]
    is_whole = reduce(and_, (part.isNotNull() for part in parts))
    return F.when(is_whole, F.to_json(F.array(*parts)))


def _pin_source(spark: SparkSession, config: ScoreConfig) -> TableVersion:
    if config.source_timestamp is not None:
        return _pin_moment(spark, config.source, config.source_timestamp)
    latest = pin_table(spark, config.source)
    if config.source_version is None:
        return latest
    if config.source_version > latest.version:
        raise DataError(f"table {config.source} has no version {config.source_version}: its latest is {latest.version}")
    return locate_version(spark, config.source, config.source_version)


def _pin_moment(spark: SparkSession, name: str, moment: datetime) -> TableVersion:
    """The version that was the latest one at that moment."""
    instant = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    commits = read_history(spark, name)
    # Spark gives timestamps in this machine's own time zone.
    versions = [int(row["version"]) for row in commits if row["timestamp"].astimezone(UTC) <= instant]
    if not versions:
        first = commits[-1]["timestamp"].astimezone(UTC)
        raise DataError(
            f"table {name} has no version of {instant.isoformat()}: its first one is of {first.isoformat()}"
        )
    return locate_version(spark, name, max(versions))


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


def _read_inputs(
    found: DataFrame, inputs: InputSpec | None, columns: Sequence[str], config: ScoreConfig
) -> list[Column]:
    from pyspark.sql import functions as F

    if inputs is None or isinstance(inputs, ImageSpec):
        return [F.col(quote_column(name)) for name in columns]
    _refuse_types(found, inputs, config)
    return [_read_input(found, feature, config) for feature in inputs.features]


def _read_input(found: DataFrame, feature: AnyFeature, config: ScoreConfig) -> Column:
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


def raw_kind(feature: AnyFeature) -> RawKind:
    """What a feature's column holds."""
    if feature.kind == "numeric":
        return "boolean" if feature.is_boolean else "numeric"
    return "categorical" if feature.kind == "hashed" or feature.kind == "text" else feature.kind


def _refuse_types(found: DataFrame, spec: ColumnsSpec, config: ScoreConfig) -> None:
    for feature in spec.features:
        given, kind = found.schema[feature.column].dataType, raw_kind(feature)
        if not is_readable(given, kind):
            is_what = f"column {feature.column!r} is {given.simpleString()}"
            raise DataError(f"source {config.source}: {is_what}, the model takes {_WORDS[kind][0]}")


def _input_error(found: DataFrame, inputs: InputSpec | None, config: ScoreConfig) -> Column:
    from pyspark.sql import functions as F

    none = F.lit(None).cast("string")
    errors = [none]
    if MALFORMED_COLUMN in found.columns:
        text = F.substring(F.col(MALFORMED_COLUMN), 1, SHOWN_CHARACTERS)
        broken = F.concat(F.lit("malformed: the line has not as many values as the header: "), text)
        errors.append(F.when(F.col(MALFORMED_COLUMN).isNotNull(), broken))
    if inputs is not None and not isinstance(inputs, ImageSpec):
        errors += [_unparsable_error(found, f, config) for f in inputs.features if _can_fail(found, f)]
    return F.coalesce(*errors, none)


def _can_fail(found: DataFrame, feature: AnyFeature) -> bool:
    """Whether a value of the column can be unparsable; asked first, since tables may have thousands of columns."""
    kind = raw_kind(feature)
    return kind in ("boolean", "embedding") or (
        kind != "categorical" and is_text(found.schema[feature.column].dataType)
    )


def _unparsable_error(found: DataFrame, feature: AnyFeature, config: ScoreConfig) -> Column:
    from pyspark.sql import functions as F

    name, kind = feature.column, raw_kind(feature)
    size = feature.size if feature.kind == "embedding" else None
    value = F.substring(F.col(quote_column(name)).cast("string"), 1, SHOWN_CHARACTERS)
    before, after = explain_unparsable(feature)
    text = F.concat(F.lit(before), value, F.lit(after))
    return F.when(is_unparsable(found, name, config.null_tokens, kind, size=size), text)


def explain_unparsable(feature: AnyFeature) -> tuple[str, str]:
    """The text before and after a value that is none of the feature's kind."""
    return f"unparsable: column '{feature.column}' holds '", f"', which is {_WORDS[raw_kind(feature)][1]}"
