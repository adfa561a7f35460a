"""The rows of a scored source that predictions are of: one for each key, and of folders those files alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbx_dl.contracts import FileSpec
from dbx_dl.errors import DataError
from dbx_dl.runtime.sources import explain_read_errors, read_image_files, read_named_files
from dbx_dl.runtime.tables import require_columns
from dbx_dl.score.tables.row_keys import key_columns, key_of
from dbx_dl.score.tables.row_shapes import name_for_model
from dbx_dl.score.tables.sources import open_source, select_rows

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from dbx_dl.config import ScoreConfig
    from dbx_dl.contracts import InputSpec

# Up to so many files are opened by name; for more the whole folder is read.
MAX_NAMED_FILES = 10_000
_IS_WITHIN, _KEY, _REPEATED = "_is_within", "_source_key", "_repeated_key"


def open_scored_source(
    spark: SparkSession, predictions: DataFrame, score: ScoreConfig, inputs: InputSpec, *, has_contents: bool
) -> DataFrame:
    """The source's rows, named as the model names them, `where` or not: one for each key of the `predictions`.

    Where several rows have such a key, those within `score.where` are taken. `has_contents` says whether files are
    asked for themselves and not only by name. DataError where several rows are still left of a key.
    """
    if score.has_files:
        found = _open_files(spark, predictions, score) if has_contents else open_source(spark, score).found
        return found.withColumnRenamed("content", inputs.column) if isinstance(inputs, FileSpec) else found
    found = _keep_one_each(open_source(spark, score).found, predictions, score)
    given = {name: column for name, column in score.options.inputs.items() if isinstance(column, str)}
    return name_for_model(found, score, given)


def _open_files(spark: SparkSession, predictions: DataFrame, score: ScoreConfig) -> DataFrame:
    """Only the files that predictions are of, so that no other file's bytes are read."""
    listed = read_image_files(spark, score.source).select("path")
    wanted = listed.join(predictions.select("key"), listed["path"] == predictions["key"], "left_semi")
    with explain_read_errors(f"source {score.source}"):
        names = [row["path"] for row in wanted.limit(MAX_NAMED_FILES + 1).collect()]
    if len(names) > MAX_NAMED_FILES:
        return open_source(spark, score).found
    return read_named_files(spark, score.source, sorted(names))


def _keep_one_each(found: DataFrame, predictions: DataFrame, score: ScoreConfig) -> DataFrame:
    """The rows without those, of keys that several have, that are not within `where`."""
    from pyspark.sql import functions as F

    require_columns(found, key_columns(score), f"source {score.source}")
    select_rows(found, score)
    within = F.lit(True) if score.where is None else F.coalesce(F.expr(score.where), F.lit(False))
    keyed = found.select(key_of(score).alias(_KEY), within.alias(_IS_WITHIN))
    asked = keyed.join(predictions.select("key"), keyed[_KEY] == predictions["key"], "left_semi")
    counted = asked.groupBy(_KEY).agg(F.count("*").alias("rows"), F.count(F.when(F.col(_IS_WITHIN), 1)).alias("within"))
    repeated = counted.where("rows > 1")
    is_odd = F.col("within") > 1
    with explain_read_errors(f"source {score.source}"):
        seen = repeated.agg(
            F.count("*").alias("keys"), F.count(F.when(is_odd, 1)).alias("odd"), F.min(F.when(is_odd, F.col(_KEY)))
        ).collect()[0]
    if seen["odd"]:
        within_where = " within where" if score.where else ""
        raise DataError(
            f"source {score.source} has {seen['odd']} keys that several rows have{within_where} "
            f"(such as {seen[2]!r}): which of them a prediction is of cannot be told; remove the others, or name a "
            "condition that one row of each key meets as score.where"
        )
    if not seen["keys"]:
        return found
    keys = repeated.select(F.col(_KEY).alias(_REPEATED))
    marked = found.withColumns({_KEY: key_of(score), _IS_WITHIN: within})
    joined = marked.join(keys, marked[_KEY] == keys[_REPEATED], "left")
    return joined.where(F.col(_IS_WITHIN) | F.col(_REPEATED).isNull()).drop(_KEY, _IS_WITHIN, _REPEATED)
