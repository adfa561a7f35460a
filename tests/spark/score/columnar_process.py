"""What `connect_process` does on Spark Connect without rows in Spark: it scores while one of the workers is killed."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from dbx_dl.config import ScoreConfig, TrackingConfig
from dbx_dl.score.tables.table import score_table

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_SECONDS = 60.0


def score_with_a_kill(spark: SparkSession, source: str, model: str, table: str) -> dict[str, Any]:
    """Score where a task has further attempts; the first worker that has a result file open is killed."""
    killed: list[int] = []
    killer = threading.Thread(target=_kill_writer, args=(Path(table), killed), daemon=True)
    killer.start()
    config = ScoreConfig(source=source, source_format="delta", key="id", model=model, table=table)
    scored = score_table(spark, config, tracking=TrackingConfig(uri="sqlite:////nowhere/m.db"))
    return {"num_rows": scored.num_rows, "num_killed": len(killed)}


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
