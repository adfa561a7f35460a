"""Score a source into a Delta table of predictions: one row out for every row in."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from dbx_dl.contracts import ScoredTable
from dbx_dl.errors import DataError
from dbx_dl.runtime.session_settings import FILE_SETTINGS, session_settings
from dbx_dl.runtime.sources import explain_read_errors
from dbx_dl.runtime.table_writes import replace_table, require_free_place
from dbx_dl.runtime.tables import has_table, pin_table, read_pinned
from dbx_dl.score.columnar.replace import LEFTOVERS, replace_without_rows
from dbx_dl.score.model_file import fetch_model
from dbx_dl.score.sources import check_keys, read_score_rows
from dbx_dl.score.udf import scorer_of

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

    from dbx_dl.config import ScoreConfig, TrackingConfig
    from dbx_dl.contracts import TableVersion
    from dbx_dl.score.model_file import ModelFile
    from dbx_dl.score.sources import ScoreRows
    from dbx_dl.score.udf import ColumnScorer

logger = logging.getLogger(__name__)

LINEAGE_COLUMNS = ("model_name", "model_version", "model_sha256", "source", "scored_at")


def score_table(spark: SparkSession, config: ScoreConfig, *, tracking: TrackingConfig) -> ScoredTable:
    """Write predictions of every row of `config.source` to the Delta table `config.table`, in one atomic commit.

    Columns: key, the fields of the model's predictions (see `score_udf`), error (null where the row was scored), and
    the lineage model_name, model_version, model_sha256, source, scored_at. An earlier predictions table is replaced.
    DataError, with nothing written, when the source or a column is missing, keys are null or repeated, or
    `config.table` holds something else than predictions; RegistryError when the model cannot be had.
    """
    started = time.monotonic()
    target = _find_target(spark, config)
    model = fetch_model(config.model, tracking.uri)
    scorer = scorer_of(spark, model)
    what = f"source {config.source}"
    found = read_score_rows(spark, config, scorer.metadata.inputs)
    if target is not None and found.table is not None and found.table.path == target.path:
        raise DataError(f"{config.table} is the source itself: predictions need a table of their own")
    scorer.check(found.rows, "inputs")
    logger.info("scoring %s with %s into table %s", found.origin, _name(model), config.table)
    with session_settings(spark, FILE_SETTINGS), explain_read_errors(what):
        rows, lineage = _predict(found, scorer), _lineage(scorer.model, found.origin)
        if not replace_without_rows(spark, config, found, scorer, rows, lineage):
            if config.source_format != "images":
                check_keys(found.rows, what)
            replace_table(rows, config.table)
    return _count(spark, config.table, found.origin, model, started)


def _find_target(spark: SparkSession, config: ScoreConfig) -> TableVersion | None:
    """The predictions table that will be replaced, if there is one; DataError when something else is there."""
    if has_table(spark, config.table):
        target = pin_table(spark, config.table)
        missing = set(LINEAGE_COLUMNS) - set(read_pinned(spark, target).columns)
        if missing:
            raise DataError(f"table {config.table} exists and holds no predictions: name another table to write to")
        return target
    require_free_place(config.table, "predictions", LEFTOVERS)
    return None


def _predict(found: ScoreRows, scorer: ColumnScorer) -> DataFrame:
    from pyspark.sql import functions as F

    is_sound = F.col("input_error").isNull()
    names = [name for name in scorer.fields if name != "error"]
    outputs = [F.when(is_sound, F.col(f"p.{name}")).alias(name) for name in names]
    return found.rows.withColumn("p", scorer("inputs")).select(
        "key",
        *outputs,
        F.coalesce("input_error", "p.error").alias("error"),
        *_lineage(scorer.model, found.origin),
    )


def _lineage(model: ModelFile, origin: str) -> tuple[Column, ...]:
    from pyspark.sql import functions as F

    return (
        F.lit(model.name).alias("model_name"),
        F.lit(model.version).cast("int").alias("model_version"),
        F.lit(model.sha256).alias("model_sha256"),
        F.lit(origin).alias("source"),
        F.current_timestamp().alias("scored_at"),
    )


def _count(spark: SparkSession, name: str, origin: str, model: ModelFile, started: float) -> ScoredTable:
    """What the written table holds."""
    from pyspark.sql import functions as F

    table = pin_table(spark, name)
    reason = F.substring_index("error", ": ", 1).alias("reason")
    groups = read_pinned(spark, table).groupBy(reason).count().collect()
    errors = {row["reason"]: row["count"] for row in groups if row["reason"] is not None}
    scored = ScoredTable(
        table=table,
        source=origin,
        model_name=model.name,
        model_version=model.version,
        model_sha256=model.sha256,
        num_rows=sum(row["count"] for row in groups),
        num_errors=sum(errors.values()),
        error_reasons=dict(sorted(errors.items())),
        seconds=time.monotonic() - started,
    )
    logger.info("scored %d rows into %s, %d with an error", scored.num_rows, table.name, scored.num_errors)
    if not scored.num_rows:
        logger.warning("%s holds no rows: the predictions table is empty", origin)
    return scored


def _name(model: ModelFile) -> str:
    return model.name if model.version is None else f"{model.name} version {model.version}"
