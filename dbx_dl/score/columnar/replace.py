"""The driver's part of scoring without rows in Spark: plan the tasks, have Spark run them, commit what they wrote."""

from __future__ import annotations

import json
import logging
import shutil
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbx_dl.runtime.slots import count_slots
from dbx_dl.runtime.tables import absolute_path
from dbx_dl.score.columnar.fitness import describe_place, explain_place, explain_table, open_source
from dbx_dl.score.columnar.key_hashes import are_distinct
from dbx_dl.score.columnar.piece_rows import RowReader
from dbx_dl.score.columnar.pieces import OtherCalendarError, list_pieces, share_pieces
from dbx_dl.score.columnar.result_files import ResultFile
from dbx_dl.score.columnar.target import make_schema, read_fields, replace_files
from dbx_dl.score.columnar.task import TASK_RESULT_DDL, ScoreTask, run_tasks
from dbx_dl.score.shipping import ship_model
from dbx_dl.score.sources import check_keys
from dbx_dl.score.worker import ShippedModel

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import Column, DataFrame, SparkSession

    from dbx_dl.config import ScoreConfig
    from dbx_dl.feed.delta_log import PinnedLog
    from dbx_dl.score.columnar.pieces import Piece
    from dbx_dl.score.sources import ScoreRows
    from dbx_dl.score.udf import ColumnScorer

logger = logging.getLogger(__name__)

FOLDER_PREFIX = "scored-"
# What a killed job leaves in the folder of a table that it was just making.
LEFTOVERS = (f"{FOLDER_PREFIX}*",)
# Beyond so many rows their hashes would weigh on the driver, and Spark looks for repeated keys.
_MAX_HASHED_ROWS = 2**24


def replace_without_rows(
    spark: SparkSession,
    config: ScoreConfig,
    found: ScoreRows,
    scorer: ColumnScorer,
    predictions: DataFrame,
    lineage: Sequence[Column],
) -> bool:
    """Replace `config.table` by predictions of all rows of a pinned Delta table; no row passes through Spark.

    `predictions` is what Spark would write, for its columns: key, the scorer's fields, and then those of `lineage`,
    which do not depend on rows. False, with nothing done and the reason logged, where the job is one for Spark.
    DataError, with nothing written, as where Spark does it.
    """
    schema_json = _write_schema(predictions)
    job = _plan(spark, config, found, scorer, schema_json, lineage)
    if isinstance(job, str):
        logger.info("rows are scored through Spark: %s", job)
        return False
    task, shares = job
    logger.info("%d tasks read and write the data files themselves", len(shares))
    _run(spark, task, shares, found, schema_json)
    return True


def _plan(
    spark: SparkSession,
    config: ScoreConfig,
    found: ScoreRows,
    scorer: ColumnScorer,
    schema_json: str,
    lineage: Sequence[Column],
) -> tuple[ScoreTask, tuple[tuple[Piece, ...], ...]] | str:
    """The tasks and the pieces of each, or why Spark must do it."""
    if not config.columnar:
        return "score.columnar is false"
    reason = explain_place(describe_place(config.source, config.table, found.table is not None))
    if reason is not None or found.table is None:
        return reason or f"{config.source} is no Delta table"
    reason = explain_table(config.table, read_fields(schema_json))
    if reason is not None:
        return reason
    inputs = scorer.metadata.inputs
    log = open_source(found.table, config.key, inputs)
    if isinstance(log, str):
        return log
    columns = list(dict.fromkeys((config.key, *scorer.input_columns)))
    try:
        pieces = list_pieces(log, columns)
    except OtherCalendarError as error:
        return str(error)
    task = ScoreTask(
        model=_ship(spark, scorer),
        inputs=inputs,
        reader=RowReader(log.storage, _choose(log, columns)),
        key=config.key,
        null_tokens=config.null_tokens,
        table=absolute_path(config.table),
        folder=f"{FOLDER_PREFIX}{uuid.uuid4().hex}",
        schema=make_schema(schema_json),
        lineage=_evaluate(spark, lineage),
        has_hashes=sum(piece.num_rows for piece in pieces) <= _MAX_HASHED_ROWS,
    )
    return task, share_pieces(pieces, count_slots(spark))


def _run(
    spark: SparkSession, task: ScoreTask, shares: tuple[tuple[Piece, ...], ...], found: ScoreRows, schema_json: str
) -> None:
    """Score, check the keys, commit; whatever was not committed is removed."""
    folder = Path(task.table, task.folder)
    try:
        results = _collect(spark, task, shares)
        if not _has_own_keys(task, results):
            check_keys(found.rows, f"source {found.origin.rpartition('@')[0]}")
        files = tuple(_to_file(row) for row in results)
        replace_files(task.table, schema_json, files)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        _remove_empty(Path(task.table))
        raise
    _remove_others(folder, {Path(task.table, file.path) for file in files})


def _collect(spark: SparkSession, task: ScoreTask, shares: tuple[tuple[Piece, ...], ...]) -> list[Any]:
    numbers = spark.range(0, len(shares), 1, max(1, len(shares)))
    return list(numbers.mapInArrow(run_tasks(task, shares), TASK_RESULT_DDL).collect())


def _has_own_keys(task: ScoreTask, results: Sequence[Any]) -> bool:
    """Whether it is proved that every row has a key of its own."""
    import numpy as np

    if not task.has_hashes or any(row["num_null_keys"] for row in results):
        return False
    return are_distinct([np.frombuffer(row["hashes"], np.uint64) for row in results])


def _ship(spark: SparkSession, scorer: ColumnScorer) -> ShippedModel:
    num_threads = int(spark.conf.get("spark.task.cpus", "1") or 1)
    return ShippedModel(ship_model(spark, scorer.model), scorer.model.sha256, num_threads)


def _choose(log: PinnedLog, columns: Sequence[str]) -> pa.Schema:
    import pyarrow as pa

    return pa.schema([log.schema.field(name) for name in columns])


def _evaluate(spark: SparkSession, columns: Sequence[Column]) -> pa.RecordBatch:
    """The values of columns that no row is needed for, as one row."""
    return spark.range(1).select(*columns).toArrow().combine_chunks().to_batches()[0]


def _write_schema(predictions: DataFrame) -> str:
    """The columns as Delta's JSON; all may be null."""
    schema = json.loads(predictions.schema.json())
    fields = [{**field, "nullable": True, "metadata": {}} for field in schema["fields"]]
    return json.dumps({**schema, "fields": fields})


def _to_file(row: Any) -> ResultFile:
    return ResultFile(row["path"], row["size_bytes"], row["num_rows"], row["modified_at_ms"], row["stats"])


def _remove_others(folder: Path, kept: set[Path]) -> None:
    """Take away what failed or second attempts of tasks left."""
    for path in folder.glob("*"):
        if path not in kept:
            path.unlink(missing_ok=True)


def _remove_empty(folder: Path) -> None:
    """Leave no empty folder where no table came to be."""
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
