"""The driver's part of scoring without rows in Spark: plan the tasks, have Spark run them, commit what they wrote."""

from __future__ import annotations

import json
import logging
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbx_dl.runtime.slots import count_slots
from dbx_dl.runtime.tables import absolute_path
from dbx_dl.score.columnar.fitness import (
    describe_job,
    explain_job,
    explain_table,
    open_source,
)
from dbx_dl.score.columnar.key_hashes import are_distinct
from dbx_dl.score.columnar.piece_rows import RowReader
from dbx_dl.score.columnar.pieces import OtherCalendarError, list_pieces, share_pieces
from dbx_dl.score.columnar.result_files import ResultFile
from dbx_dl.score.columnar.target import is_committed, make_schema, read_fields, read_version, replace_files
from dbx_dl.score.columnar.task import HASH_COLUMN, KEY_COLUMN, TASK_RESULT_DDL, ScoreTask, run_tasks
from dbx_dl.score.tables.input_hash import digest_options

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import SparkSession

    from dbx_dl.score.columnar.pieces import Piece
    from dbx_dl.score.tables.writing import ScoreJob

logger = logging.getLogger(__name__)

_FOLDER_PREFIX = "scored-"
# What a killed job leaves in the folder of a table that it was just making.
LEFTOVERS = (f"{_FOLDER_PREFIX}*",)
# Beyond so many rows their hashes would weigh on the driver, and Spark looks for repeated keys.
_MAX_HASHED_ROWS = 2**24


@dataclass(frozen=True)
class FilesJob:
    """A planned job: what every task knows, the pieces of each, and the table's schema as Delta's JSON."""

    task: ScoreTask
    shares: tuple[tuple[Piece, ...], ...] = field(repr=False)
    schema_json: str = field(repr=False)

    @contextmanager
    def score(self, spark: SparkSession, check_keys: Callable[[], None]) -> Iterator[tuple[ResultFile, ...]]:
        """Have the tasks score and write; the block commits the files, or leaves them to be removed.

        `check_keys` is called where it is not proved that every row has a key of its own. Files of attempts that did
        not count are removed after the block, all of them where no commit names them.
        """
        folder = Path(self.task.table, self.task.folder)
        try:
            numbers = spark.range(0, len(self.shares), 1, max(1, len(self.shares)))
            rows = numbers.mapInArrow(run_tasks(self.task, self.shares), TASK_RESULT_DDL).collect()
            if not _has_own_keys(rows):
                check_keys()
            written = tuple(_to_file(row) for row in rows)
            yield written
            _remove_others(folder, {folder.parent / file.path for file in written})
        except BaseException:
            self._remove_uncommitted()
            raise

    def commit(
        self, files: Sequence[ResultFile], after: int, mark: Mapping[str, Any], transaction: tuple[str, int]
    ) -> bool:
        """Replace the table's content by the files, see `target.replace_files`; files are removed where that fails."""
        is_done = replace_files(
            self.task.table, self.schema_json, files, after=after, mark=mark, transaction=transaction
        )
        if not is_done:
            self._remove_uncommitted()
        return is_done

    def has_moved(self, version: int) -> bool:
        """Whether somebody changed the table since that version; False where -1 says that there was none."""
        return version >= 0 and read_version(self.task.table) != version

    def _remove_uncommitted(self) -> None:
        """Take the files away unless the table has them; no empty folder stays where no table came to be."""
        table = Path(self.task.table)
        if is_committed(self.task.table, self.task.folder):
            logger.warning("files of table %s stay, since a commit may name them", self.task.table)
            return
        shutil.rmtree(table / self.task.folder, ignore_errors=True)
        if table.is_dir() and not any(table.iterdir()):
            table.rmdir()


def plan_files(spark: SparkSession, job: ScoreJob, describe_columns: Callable[[], str]) -> FilesJob | None:
    """How to write the job's predictions without rows passing through Spark; None, with the reason logged, if not so.

    `describe_columns` gives the columns that Spark would write, as a schema's JSON; it is called where these matter.
    """
    found = find_way(spark, job, describe_columns)
    if isinstance(found, str):
        # Where the settings leave no choice, nobody needs to be told.
        level = logging.INFO if describe_job(job).is_meant else logging.DEBUG
        logger.log(level, "rows are scored through Spark: %s", found)
        return None
    logger.info("%d tasks read and write the data files themselves", len(found.shares))
    return found


def find_way(spark: SparkSession, job: ScoreJob, describe_columns: Callable[[], str]) -> FilesJob | str:
    """The same, with the reason in its place where rows must pass through Spark."""
    config, scorer, source = job.config, job.scorer, job.source
    has_ansi_sizes = str(spark.conf.get("spark.sql.ansi.enabled", "true")).lower() == "true"
    reason = explain_job(describe_job(job, has_ansi_sizes=has_ansi_sizes))
    if reason is not None or source is None or not isinstance(config.key, str):
        return reason or f"{config.source} is no Delta table"
    schema_json = _allow_nulls(describe_columns())
    reason = explain_table(config.table, read_fields(schema_json))
    if reason is not None:
        return reason
    schema = make_schema(schema_json)
    lineage = {**job.lineage, "scored_at": datetime.now(UTC)}
    unknown = set(schema.names) - {KEY_COLUMN, HASH_COLUMN, *scorer.fields, *lineage}
    if unknown:
        return f"columns {', '.join(sorted(unknown))} are Spark's to make"
    inputs = scorer.metadata.inputs if scorer.is_own else None
    log = open_source(source, config.key, inputs, scorer.input_columns)
    if isinstance(log, str):
        return log
    columns = list(dict.fromkeys((config.key, *scorer.input_columns)))
    try:
        pieces = list_pieces(log, columns)
    except OtherCalendarError as error:
        return str(error)
    task = ScoreTask(
        model=scorer.shipped,
        inputs=inputs,
        columns=scorer.input_columns,
        reader=RowReader(log.storage, _choose(log.schema, columns)),
        key=config.key,
        null_tokens=config.null_tokens,
        table=absolute_path(config.table),
        folder=f"{_FOLDER_PREFIX}{uuid.uuid4().hex}",
        schema=schema,
        lineage=_to_batch(lineage, schema),
        has_hashes=sum(piece.num_rows for piece in pieces) <= _MAX_HASHED_ROWS,
        options_digest=digest_options(config.options),
        has_input_hashes=config.has_input_hashes,
    )
    return FilesJob(task, share_pieces(pieces, count_slots(spark)), schema_json)


def _to_batch(values: Mapping[str, Any], schema: pa.Schema) -> pa.RecordBatch:
    import pyarrow as pa

    names = [name for name in schema.names if name in values]
    arrays = [pa.array([values[name]], schema.field(name).type) for name in names]
    return pa.RecordBatch.from_arrays(arrays, names=names)


def _has_own_keys(rows: Sequence[Any]) -> bool:
    """Whether it is proved that every row has a key of its own."""
    import numpy as np

    if any(row["num_open_keys"] for row in rows):
        return False
    pairs = [pair for row in rows for pair in np.frombuffer(row["key_ranges"], np.int64).reshape(-1, 2).tolist()]
    ranges = [(first, last) for first, last in pairs]
    return are_distinct([np.frombuffer(row["hashes"], np.uint64) for row in rows], ranges)


def _choose(schema: pa.Schema, columns: Sequence[str]) -> pa.Schema:
    import pyarrow as pa

    return pa.schema([schema.field(name) for name in columns])


def _allow_nulls(schema_json: str) -> str:
    """Spark's schema as Delta's; all columns may be null."""
    schema = json.loads(schema_json)
    fields = [{**column, "nullable": True, "metadata": {}} for column in schema["fields"]]
    return json.dumps({**schema, "fields": fields})


def _to_file(row: Any) -> ResultFile:
    return ResultFile(
        path=row["path"],
        size_bytes=row["size_bytes"],
        num_rows=row["num_rows"],
        modified_at_ms=row["modified_at_ms"],
        stats=row["stats"],
        error_reasons=json.loads(row["error_reasons"]),
    )


def _remove_others(folder: Path, kept: set[Path]) -> None:
    """Take away what failed or second attempts of tasks left."""
    for path in folder.glob("*"):
        if path not in kept:
            path.unlink(missing_ok=True)
