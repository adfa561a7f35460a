"""Rows to score: key, the model's raw inputs, and what is wrong with a row before any model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbx_dl.contracts import FileSpec
from dbx_dl.errors import DataError
from dbx_dl.runtime.source_columns import MALFORMED_COLUMN
from dbx_dl.runtime.tables import quote_column, require_columns
from dbx_dl.score.tables.input_hash import digest_options, hash_inputs
from dbx_dl.score.tables.row_keys import key_columns, key_of
from dbx_dl.transforms.raw_columns import (
    is_readable,
    is_text,
    is_unparsable,
    read_boolean,
    read_embedding,
    read_number,
    read_text,
    read_texts,
    read_timestamp,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pyspark.sql import Column, DataFrame

    from dbx_dl.config import ScoreConfig
    from dbx_dl.contracts import ColumnsSpec, InputSpec
    from dbx_dl.contracts.inputs import AnyFeature
    from dbx_dl.transforms.raw_columns import RawKind


SHOWN_CHARACTERS = 60
# Kind -> what a column's type should be, and what a value is not.
_WORDS: dict[RawKind, tuple[str, str]] = {
    "numeric": ("numbers", "no number"),
    "boolean": ("booleans", "neither true nor false"),
    "categorical": ("categories", "no category"),
    "datetime": ("dates or timestamps", "no date or time in ISO 8601"),
    "texts": ("arrays of strings", "no array of strings"),
    "embedding": ("arrays of numbers", "no array of as many numbers as the model takes"),
    "steps": ("arrays of numbers", "no array of numbers"),
}


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

    if config.has_files and isinstance(inputs, FileSpec):
        found = found.withColumnRenamed("content", inputs.column)
    require_columns(found, (*key_columns(config), *columns), f"source {config.source}")
    rows = found.select(
        key_of(config).alias("key"),
        F.struct(*read_inputs(found, inputs, columns, config)).alias("inputs"),
        _input_error(found, inputs, config).alias("input_error"),
    )
    if not config.has_input_hashes:
        return rows.withColumn("input_hash", F.lit(None).cast("bigint"))
    struct = rows.schema["inputs"].dataType
    values = [(F.col("inputs").getField(field.name), field.dataType) for field in struct]
    values.append((F.col("input_error"), rows.schema[2].dataType))
    return rows.withColumn("input_hash", hash_inputs(values, digest_options(config.options)))


def read_inputs(
    found: DataFrame, inputs: InputSpec | None, columns: Sequence[str], config: ScoreConfig
) -> list[Column]:
    """The columns that a model takes, in its order and as it takes them; DataError for one of another type."""
    from pyspark.sql import functions as F

    if inputs is None or isinstance(inputs, FileSpec):
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
        case "embedding" | "steps":
            return read_embedding(found, name)
        case "texts":
            return read_texts(name)


def raw_kind(feature: AnyFeature) -> RawKind:
    """What a feature's column holds."""
    if feature.kind == "numeric":
        return "boolean" if feature.is_boolean else "numeric"
    if feature.kind == "history":
        return "texts"
    if feature.kind == "hashed" or feature.kind == "text" or feature.kind == "id":
        return "categorical"
    return feature.kind


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
    if inputs is not None and not isinstance(inputs, FileSpec):
        errors += [_unparsable_error(found, f, config) for f in inputs.features if _can_fail(found, f)]
    return F.coalesce(*errors, none)


def _can_fail(found: DataFrame, feature: AnyFeature) -> bool:
    """Whether a value of the column can be unparsable; asked first, since tables may have thousands of columns."""
    kind = raw_kind(feature)
    return kind in ("boolean", "embedding") or (
        kind not in ("categorical", "texts") and is_text(found.schema[feature.column].dataType)
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
