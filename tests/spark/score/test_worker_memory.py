"""However many rows a job has, its Python workers need no more memory."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.spark.score.changing_source import ROWS, run, write_model

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


class WorkerWatch:
    """The most bytes that a Spark Python worker below this process held meanwhile."""

    def __init__(self) -> None:
        self.max_bytes = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> WorkerWatch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.2):
            for process in psutil.Process().children(recursive=True):
                try:
                    if any("pyspark" in part for part in process.cmdline()) and "python" in process.name():
                        self.max_bytes = max(self.max_bytes, process.memory_info().rss)
                except psutil.Error:  # it has just ended
                    continue


@pytest.mark.matrix
def test_a_million_rows_need_no_more_memory_than_some(spark: SparkSession, tmp_path: Path) -> None:
    model, peaks = write_model(tmp_path), []
    for num_rows in (50_000, 1_000_000):
        place = tmp_path / str(num_rows)
        spark.range(num_rows).selectExpr(*ROWS).coalesce(2).write.format("delta").save(str(place / "in"))
        with WorkerWatch() as watch:
            scored = run(spark, place, model)
        assert (scored.num_rows, scored.num_errors) == (num_rows, num_rows // 20)
        peaks.append(watch.max_bytes)
    assert 0 < peaks[1] < 1.15 * peaks[0]
