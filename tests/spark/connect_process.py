"""Runs in a process of its own: work on one Spark Connect session, whose client has no JVM."""

from __future__ import annotations

from typing import Any

from dbx_dl.config import SparkConfig
from dbx_dl.runtime.spark import open_session
from tests.spark.monitor.connect_process import go_on_after_scoring
from tests.spark.prepare.connect_sources import list_sources
from tests.spark.score.columnar_process import score_with_a_kill
from tests.spark.score.connect_process import score_pictures

WORKS = {work.__name__: work for work in (list_sources, score_pictures, score_with_a_kill, go_on_after_scoring)}
# Often enough that a short job reports at all.
SETTINGS = {"spark.api.mode": "connect", "spark.connect.progress.reportInterval": "50ms"}


def work_on_connect(works: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """What each of the WORKS gives for its arguments, and where the session's class is; a task has three attempts."""
    spark = open_session(SparkConfig(master="local[2,3]", driver_memory="1g", settings=SETTINGS), "tests")
    try:
        found = {name: WORKS[name](spark, **arguments) for name, arguments in works.items()}
        return {"session": type(spark).__module__, **found}
    finally:
        spark.stop()
