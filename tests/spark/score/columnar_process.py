"""Runs in a process of its own: scoring without rows in Spark on Spark Connect while one of the workers is killed."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import psutil

from dbx_dl.config import ScoreConfig, SparkConfig, TrackingConfig
from dbx_dl.runtime.spark import open_session
from dbx_dl.score.tables.table import score_table

_SECONDS = 60.0


def score_with_a_kill(source: str, model: str, table: str) -> dict[str, Any]:
    """Score with two attempts for a task; the first worker that has a result file open is killed."""
    spark = open_session(
        SparkConfig(master="local[2,3]", driver_memory="1g", settings={"spark.api.mode": "connect"}), "tests"
    )
    killed: list[int] = []
    killer = threading.Thread(target=_kill_writer, args=(Path(table), killed), daemon=True)
    killer.start()
    try:
        config = ScoreConfig(source=source, source_format="delta", key="id", model=model, table=table)
        scored = score_table(spark, config, tracking=TrackingConfig(uri="sqlite:////nowhere/m.db"))
        return {"num_rows": scored.num_rows, "num_killed": len(killed), "session": type(spark).__module__}
    finally:
        spark.stop()


def _kill_writer(table: Path, killed: list[int]) -> None:
    until = time.monotonic() + _SECONDS
    while not killed and time.monotonic() < until:
        if any(table.glob("scored-*/*.parquet")):
            for process in psutil.Process().children(recursive=True):
                if _is_writing(process, table):
                    process.kill()
                    killed.append(process.pid)
                    return
        time.sleep(0.005)


def _is_writing(process: psutil.Process, table: Path) -> bool:
    try:
        return any(Path(file.path).parent.parent == table for file in process.open_files())
    except psutil.Error:
        return False
