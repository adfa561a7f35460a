"""Predictions beside the inputs that they were made of, which tables of predictions do not hold themselves."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from dbx_dl.contracts import FileSpec
from dbx_dl.errors import DataError
from dbx_dl.runtime.tables import pin_table, quote_column, require_columns
from dbx_dl.score.tables.row_keys import key_columns, key_of
from dbx_dl.score.tables.row_shapes import name_for_model, read_inputs
from dbx_dl.score.tables.sources import open_source
from dbx_dl.score.tables.writing import LATER_COLUMNS, LINEAGE_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import DataFrame, SparkSession

    from dbx_dl.config import ScoreConfig
    from dbx_dl.contracts import InputSpec

logger = logging.getLogger(__name__)

# True where the row that a prediction is of is still in the source.
HAS_INPUTS = "has_inputs"
_KEY = "_input_key"
# What a prediction is of; the rest of its lineage may make room for an input of that name.
_NEEDED = ("scored_at", "model_name", "model_version", "model_sha256")


def list_input_columns(inputs: InputSpec) -> tuple[str, ...]:
    """The raw columns that a model takes."""
    return (inputs.column,) if isinstance(inputs, FileSpec) else tuple(inputs.columns)


def join_inputs(
    spark: SparkSession, rows: DataFrame, score: ScoreConfig, inputs: InputSpec, extra: Sequence[str] = ()
) -> DataFrame:
    """The predictions with the model's raw inputs as scoring reads them, `extra` columns of the source, HAS_INPUTS.

    By key, from the source that `score` names; columns that the table of predictions has itself are taken from there.
    A Delta source is read at the latest of the versions that were scored. Predictions whose row the source has no more
    keep nulls and HAS_INPUTS false. DataError where the source or a column is gone, or an input is named as a
    prediction is.
    """
    from pyspark.sql import functions as F

    names = list_input_columns(inputs)
    _require_distinct(rows, names)
    own = set(rows.columns) - {*LINEAGE_COLUMNS, *LATER_COLUMNS}
    wanted = [name for name in names if name not in own]
    others = [name for name in dict.fromkeys(extra) if name not in own and name not in names]
    if not wanted and not others:
        return rows.withColumn(HAS_INPUTS, F.lit(True))
    right = _read(spark, _pin(spark, rows, score), inputs, wanted, others)
    left = rows.drop(*(name for name in (*wanted, *others) if name in rows.columns))
    joined = left.join(right, left["key"] == right[_KEY], "left").drop(_KEY)
    return joined.withColumn(HAS_INPUTS, F.coalesce(F.col(HAS_INPUTS), F.lit(False)))


def _require_distinct(rows: DataFrame, names: Sequence[str]) -> None:
    """DataError where a column of the source would be taken for one of the predictions, or the other way round."""
    columns = rows.columns
    last = columns.index("error") + 1 if "error" in columns else 1
    taken = {*columns[columns.index("key") : last], *_NEEDED, HAS_INPUTS} & set(names)
    if taken:
        raise DataError(
            f"column {sorted(taken)[0]!r} of the source has the name of a column of the predictions, so that both "
            "cannot be watched together: leave it out of the predictions with score.options.fields, or rename it"
        )


def _pin(spark: SparkSession, rows: DataFrame, score: ScoreConfig) -> ScoreConfig:
    """The config with the newest version of a Delta source that the rows were scored from."""
    from pyspark.sql import functions as F

    is_pinned = score.source_version is not None or score.source_timestamp is not None
    if score.source_format != "delta" or is_pinned or "source_version" not in rows.columns:
        return score
    version = rows.agg(F.max("source_version")).collect()[0][0]
    latest = pin_table(spark, score.source).version
    if version is None or version == latest:
        return score
    if version > latest:
        logger.warning(
            "version %d of %s was scored, its latest is %d: it was made anew or restored, and its rows as they are "
            "now are taken for those that were scored",
            *(version, score.source, latest),
        )
        return score
    return score.model_copy(update={"source_version": int(version)})


def _read(
    spark: SparkSession, score: ScoreConfig, inputs: InputSpec, wanted: Sequence[str], others: Sequence[str]
) -> DataFrame:
    """Key, wanted inputs, other columns and HAS_INPUTS of every row of the source, `where` or not."""
    from pyspark.sql import functions as F

    found = open_source(spark, score).found
    given = {name: column for name, column in score.options.inputs.items() if isinstance(column, str)}
    found = name_for_model(found, score, given)
    if score.has_files and isinstance(inputs, FileSpec):
        found = found.withColumnRenamed("content", inputs.column)
    names = list_input_columns(inputs)
    require_columns(found, (*key_columns(score), *(names if wanted else ()), *others), f"source {score.source}")
    read = dict(zip(names, read_inputs(found, inputs, names, score), strict=True)) if wanted else {}
    columns = [read[name].alias(name) for name in wanted] + [F.col(quote_column(name)) for name in others]
    return found.select(key_of(score).alias(_KEY), *columns, F.lit(True).alias(HAS_INPUTS))
