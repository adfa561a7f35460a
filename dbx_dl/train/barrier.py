"""Ranks as tasks of one Spark barrier stage, through the DataFrame API: classic Spark and Spark Connect."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from dbx_dl.errors import DataError
from dbx_dl.train.ranks import RankProgram, Rendezvous, run_alone, run_as_rank

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import SparkSession

LOOPBACK = "127.0.0.1"
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
            rows.mapInArrow(_make_task(self._program), "rank int", barrier=True).collect()
        except BaseException as error:
            self.error = error


def _make_task(program: RankProgram) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def run_task(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow
        from pyspark import BarrierTaskContext

        for _ in batches:
            pass
        context = BarrierTaskContext.get()
        run_in_barrier(program, context)
        yield pyarrow.RecordBatch.from_pydict({"rank": pyarrow.array([context.partitionId()], pyarrow.int32())})

    return run_task


def run_in_barrier(program: RankProgram, context: Any) -> None:
    """What each task of the stage does: meet the others, then run its rank in a fresh process until it ends."""
    rank = context.partitionId()
    _require_directory(program)
    if program.num_ranks == 1:
        run_alone(program)
        return
    # The names by which Spark reaches the executors, so these reach each other by them too.
    hosts = tuple(str(info.address).rpartition(":")[0] for info in context.getTaskInfos())
    server_host = LOOPBACK if len(set(hosts)) == 1 else hosts[0]
    with _serve_rendezvous(rank == 0, server_host) as port:
        ports = context.allGather(str(port))
        # The server may end with rank 0: Horovod shuts down together, so by then every rank has met the others.
        run_as_rank(program, rank, Rendezvous(server_host, int(ports[0]), hosts))


@contextmanager
def _serve_rendezvous(is_server: bool, host: str) -> Iterator[int]:
    """Horovod's key-value server on a free port, on rank 0; port 0 elsewhere.

    It has no password, so ranks of one machine meet on an address that no other machine reaches.
    """
    if not is_server:
        yield 0
        return
    from horovod.runner.http.http_server import RendezvousHandler, RendezvousHTTPServer

    server = RendezvousHTTPServer((host if host == LOOPBACK else "", 0), RendezvousHandler, 0)
    # Without host assignments keys are deleted one by one as ranks are done with them.
    server.init([])
    thread = threading.Thread(target=server.serve_forever, name="rendezvous", daemon=True)
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _require_directory(program: RankProgram) -> None:
    if not Path(program.directory).is_dir():
        raise DataError(
            f"{program.directory} does not exist on {socket.gethostname()}: keep the run's directory on storage that "
            "the driver and every executor share"
        )
