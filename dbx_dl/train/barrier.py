"""Ranks as tasks of one Spark barrier stage, through the DataFrame API: classic Spark and Spark Connect."""

from __future__ import annotations

import os
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from dbx_dl.errors import DataError, SetupError
from dbx_dl.runtime.gpus import VISIBLE_GPUS, count_gpus, find_gpu, list_gpus
from dbx_dl.train.failures import record_exception
from dbx_dl.train.meetings import meet
from dbx_dl.train.preflight import require_installation, require_own_gpus, uses_nccl
from dbx_dl.train.rank_process import run_alone, run_as_rank
from dbx_dl.train.ranks import RankProgram, place_ranks
from dbx_dl.train.run_directory import RunDirectory

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import SparkSession

    from dbx_dl.runtime.ranks import RankPlace

_POLL_SECONDS = 0.1
_END_SECONDS = 10.0


def launch_on_spark(spark: SparkSession, program: RankProgram) -> None:
    """Run the program as `num_ranks` tasks that start together or not at all; returns when all have ended.

    Interrupting the call ends the tasks and their ranks. Any failing rank fails the stage within seconds.
    """
    tag = f"dbx_dl_ranks_{uuid4().hex}"
    stage = _Stage(spark, program, tag)
    stage.start()
    try:
        while stage.is_alive():
            stage.join(_POLL_SECONDS)
    except BaseException:
        with suppress(Exception):
            spark.interruptTag(tag)
        stage.join(_END_SECONDS)
        raise
    finally:
        # A task that was killed has not taken it down.
        _name_board(program, tag).unlink(missing_ok=True)
    if stage.error is not None:
        raise stage.error


class _Stage(threading.Thread):
    """Submits the stage and waits for it.

    In a thread of its own, because PySpark's handler of Ctrl-C calls the JVM and breaks when it interrupts a call.
    """

    def __init__(self, spark: SparkSession, program: RankProgram, tag: str) -> None:
        super().__init__(name="barrier-stage", daemon=True)
        self.error: BaseException | None = None
        self._spark = spark
        self._program = program
        self._tag = tag

    def run(self) -> None:
        num_ranks = self._program.num_ranks
        try:
            self._spark.addTag(self._tag)
            rows = self._spark.range(0, num_ranks, 1, num_ranks)
            task = _make_task(self._program, self._tag)
            files = rows.mapInArrow(task, "path string, content binary", barrier=True).collect()
            _write_files(files, Path(self._program.directory))
        except BaseException as error:
            self.error = error


def _make_task(program: RankProgram, tag: str) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def run_task(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow
        from pyspark import BarrierTaskContext

        for _ in batches:
            pass
        for path, content in run_in_barrier(program, BarrierTaskContext.get(), tag):
            columns = {"path": pyarrow.array([path]), "content": pyarrow.array([content], pyarrow.binary())}
            yield pyarrow.RecordBatch.from_pydict(columns)

    return run_task


def run_in_barrier(program: RankProgram, context: Any, tag: str) -> Iterator[tuple[str, bytes]]:
    """What each task of the stage `tag` does: meet the others, then run its rank in a fresh process until it ends.

    Gives the files, path and content, that the rank left for a driver that does not share the directory.
    """
    if program.is_shared:
        _require_directory(program)
        _require_installation(program, context.partitionId())
        _run_rank(program, context, _name_board(program, tag))
        return
    with tempfile.TemporaryDirectory(prefix="dbx_dl_rank_") as folder:
        _run_rank(program.move(folder), context, None)
        for path in sorted(Path(folder).rglob("*")):
            if path.is_file():
                yield path.relative_to(folder).as_posix(), path.read_bytes()


def _name_board(program: RankProgram, tag: str) -> Path:
    """The file by which the tasks of the stage `tag` meet."""
    return Path(program.directory) / f".{tag}.json"


def _run_rank(program: RankProgram, context: Any, board: Path | None) -> None:
    rank = context.partitionId()
    resources = context.resources()
    task_gpus = list(resources["gpu"].addresses) if "gpu" in resources else []
    if program.num_ranks == 1:
        run_alone(program, find_gpu(task_gpus, 0))
        return
    with meet(context, program.backend, board) as meeting:
        place = place_ranks(meeting.hosts, program.backend)[rank]
        if not task_gpus:
            _require_own_gpus(program, place, meeting.hosts[rank])
        run_as_rank(program, rank, meeting, find_gpu(task_gpus, place.local_rank))


def _require_installation(program: RankProgram, rank: int) -> None:
    if program.installation is None:
        return
    try:
        require_installation(program.installation)
    except SetupError as error:
        record_exception(RunDirectory(Path(program.directory)), rank, error)
        raise


def _require_own_gpus(program: RankProgram, place: RankPlace, host: str) -> None:
    num_gpus = len(list_gpus(os.environ.get(VISIBLE_GPUS), count_gpus()))
    try:
        require_own_gpus(host, place.local_size, num_gpus, lambda: uses_nccl(place.backend))
    except SetupError as error:
        # Before the ranks of other machines tell of this one's absence.
        record_exception(RunDirectory(Path(program.directory)), place.rank, error)
        raise


def _require_directory(program: RankProgram) -> None:
    if not Path(program.directory).is_dir():
        raise DataError(
            f"{program.directory} does not exist on {socket.gethostname()}: keep the run's directory on storage that "
            "the driver and every executor share"
        )


def _write_files(rows: list[Any], directory: Path) -> None:
    for row in rows:
        path = directory / row["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(row["content"])
