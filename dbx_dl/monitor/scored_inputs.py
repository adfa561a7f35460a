"""Predictions beside the inputs that they were made of, which tables of predictions do not hold themselves."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from dbx_dl.contracts import FileSpec
from dbx_dl.errors import DataError
from dbx_dl.monitor.scored_rows import WINDOW
from dbx_dl.monitor.source_rows import open_scored_source
from dbx_dl.runtime.tables import pin_table, quote_column, require_columns
from dbx_dl.score.tables.row_keys import key_columns, key_of
from dbx_dl.score.tables.row_shapes import read_inputs
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
    _require_free_name((*names, *extra))
    _require_distinct(rows, names)
    # Spark takes names that differ in case for the same one.
    own = {name.casefold(): name for name in rows.columns if name not in {*LINEAGE_COLUMNS, *LATER_COLUMNS}}
    asked = list(dict.fromkeys((*names, *extra)))
    rows = rows.withColumnsRenamed({own[name.casefold()]: name for name in asked if name.casefold() in own})
    wanted = [name for name in names if name.casefold() not in own]
    others = [name for name in asked if name.casefold() not in own and name not in names]
    if not wanted and not others:
        return rows.withColumn(HAS_INPUTS, F.lit(True))
    right = _read(spark, _pin(spark, rows, score), rows, inputs, wanted, others)
    replaced = {name.casefold() for name in (*wanted, *others)}
    left = rows.drop(*(name for name in rows.columns if name.casefold() in replaced))
    joined = left.join(right, left["key"] == right[_KEY], "left").drop(_KEY)
    return joined.withColumn(HAS_INPUTS, F.coalesce(F.col(HAS_INPUTS), F.lit(False)))


def _require_free_name(names: Sequence[str]) -> None:
    """DataError where a column is named as a row's window is: it would be taken for that."""
    if WINDOW in (name.casefold() for name in names):
        raise DataError(
            f"a column {WINDOW!r} of the source is asked for, a name that monitoring uses itself: give the column "
            "another name; where it is an input of the model, train anew, or watch `areas` without drift"
        )


def _require_distinct(rows: DataFrame, names: Sequence[str]) -> None:
    """DataError where a column of the source would be taken for one of the predictions, or the other way round."""
    columns = rows.columns
    last = columns.index("error") + 1 if "error" in columns else 1
    taken = {name.casefold() for name in (*columns[columns.index("key") : last], *_NEEDED, HAS_INPUTS)}
    clashing = sorted(name for name in names if name.casefold() in taken)
    if clashing:
        raise DataError(
            f"column {clashing[0]!r} of the source has the name of a column of the predictions, so that both "
            "cannot be watched together: leave it out of the predictions with score.options.fields, or rename it"
        )


def _pin(spark: SparkSession, rows: DataFrame, score: ScoreConfig) -> ScoreConfig:
    """The config with the newest version of a Delta source that the rows were scored from."""
    from pyspark.sql import functions as F

    is_pinned = score.source_version is not None or score.source_timestamp is not None
    if score.source_format != "delta" or is_pinned or "source_version" not in rows.columns:
        return score
    # The table may hold predictions of other sources, whose versions say nothing of this one.
    own = rows.where(F.col("source").startswith(f"{score.source}@v")) if "source" in rows.columns else rows
    version = own.agg(F.max("source_version")).collect()[0][0]
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
    spark: SparkSession,
    score: ScoreConfig,
    rows: DataFrame,
    inputs: InputSpec,
    wanted: Sequence[str],
    others: Sequence[str],
) -> DataFrame:
    """Key, wanted inputs, other columns and HAS_INPUTS of the row of each key that predictions are of."""
    from pyspark.sql import functions as F

    found = open_scored_source(spark, rows, score, inputs, has_contents=bool(wanted))
    names = list_input_columns(inputs)
    require_columns(found, (*key_columns(score), *(names if wanted else ()), *others), f"source {score.source}")
    read = dict(zip(names, read_inputs(found, inputs, names, score), strict=True)) if wanted else {}
    columns = [read[name].alias(name) for name in wanted] + [F.col(quote_column(name)) for name in others]
    return found.select(key_of(score).alias(_KEY), *columns, F.lit(True).alias(HAS_INPUTS))
