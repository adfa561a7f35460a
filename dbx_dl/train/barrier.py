"""Ranks as tasks of one Spark barrier stage, through the DataFrame API: classic Spark and Spark Connect."""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from dbx_dl.errors import DataError
from dbx_dl.train.ranks import RankProgram, Rendezvous, run_alone, run_as_rank

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import SparkSession


def launch_on_spark(spark: SparkSession, program: RankProgram) -> None:
    """Run the program as `num_ranks` tasks that start together or not at all; returns when all have ended.

    Interrupting the call ends the tasks and their ranks. Any failing rank fails the stage within seconds.
    """
    num_ranks = program.num_ranks
    tasks = spark.range(0, num_ranks, 1, num_ranks).mapInArrow(_make_task(program), "rank int", barrier=True)
    tag = f"dbx_dl_ranks_{uuid4().hex}"
    spark.addTag(tag)
    try:
        tasks.collect()
    except BaseException:
        with suppress(Exception):
            spark.interruptTag(tag)
        raise
    finally:
        spark.removeTag(tag)


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
    with _serve_rendezvous(rank == 0) as port:
        address = _own_address(context, rank)
        gathered = context.allGather(json.dumps({"host": socket.gethostname(), "address": address, "port": port}))
        # The server may end with rank 0: Horovod shuts down together, so by then every rank has met the others.
        run_as_rank(program, rank, _agree_on_meeting([json.loads(message) for message in gathered]))


def _agree_on_meeting(messages: list[dict[str, Any]]) -> Rendezvous:
    hosts = tuple(message["host"] for message in messages)
    address = "127.0.0.1" if len(set(hosts)) == 1 else messages[0]["address"]
    return Rendezvous(address, messages[0]["port"], hosts)


@contextmanager
def _serve_rendezvous(is_server: bool) -> Iterator[int]:
    """Horovod's key-value server on a free port, on rank 0; port 0 elsewhere."""
    if not is_server:
        yield 0
        return
    from horovod.runner.http.http_server import RendezvousHandler, RendezvousHTTPServer

    server = RendezvousHTTPServer(("", 0), RendezvousHandler, 0)
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


def _own_address(context: Any, rank: int) -> str:
    """The address by which Spark reaches this task's executor, so other executors reach it too."""
    return str(context.getTaskInfos()[rank].address).rpartition(":")[0]


def _require_directory(program: RankProgram) -> None:
    if not os.path.isdir(program.directory):  # noqa: PTH112
        raise DataError(
            f"{program.directory} does not exist on {socket.gethostname()}: keep the run's directory on storage that "
            f"the driver and every executor share (interpreter {sys.executable})"
        )
