"""How far Spark has come with a long step, told while it runs."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

logger = logging.getLogger(__name__)

INTERVAL_SECONDS = 5.0
# Stage id -> (tasks that are done, tasks in all).
Stages = dict[int, tuple[int, int]]


@contextmanager
def told_progress(
    spark: SparkSession, describe: Callable[[int, int], str], num_tasks: int | None = None
) -> Iterator[None]:
    """Log `describe(tasks done, tasks in all)` of the stage that runs inside the block, whenever it has moved.

    At most one line in INTERVAL_SECONDS, none for what is over sooner. The stage is the one with `num_tasks` tasks,
    where that is given, else the largest. Classic Spark is asked for its stages, Spark Connect reports them.
    """
    if num_tasks == 1:
        yield
        return
    with _watched(spark) as read_stages:
        before = set(read_stages())
        is_over = threading.Event()

        def tell() -> None:
            told = (0, 0)
            while not is_over.wait(INTERVAL_SECONDS):
                found = choose_stage({i: stage for i, stage in read_stages().items() if i not in before}, num_tasks)
                if found is not None and found[0] and found != told:
                    told = found
                    logger.info("%s", describe(*found))

        teller = threading.Thread(target=tell, name="progress", daemon=True)
        teller.start()
        try:
            yield
        finally:
            is_over.set()
            teller.join()


def choose_stage(stages: Stages, num_tasks: int | None) -> tuple[int, int] | None:
    """Tasks done and in all of the latest stage with `num_tasks` tasks, or of the largest; None where there is none."""
    wanted = [(i, stage) for i, stage in stages.items() if num_tasks is None or stage[1] == num_tasks]
    if not wanted:
        return None
    return max(wanted, key=lambda item: item[0] if num_tasks is not None else item[1][1])[1]


@contextmanager
def _watched(spark: SparkSession) -> Iterator[Callable[[], Stages]]:
    """A function that gives the stages under way."""
    if not type(spark).__module__.startswith("pyspark.sql.connect"):
        yield lambda: _ask_stages(spark)
        return
    reported: Stages = {}

    def keep(stages: Iterable[Any] | None, *_: Any, **__: Any) -> None:
        running = {stage.stage_id: (stage.num_completed_tasks, stage.num_tasks) for stage in stages or ()}
        reported.update(running)

    spark.registerProgressHandler(keep)
    try:
        yield lambda: dict(reported)
    finally:
        spark.removeProgressHandler(keep)


def _ask_stages(spark: SparkSession) -> Stages:
    # No DataFrame API tells this; it is the public one of classic Spark.
    tracker = spark.sparkContext.statusTracker()
    found = {i: tracker.getStageInfo(i) for i in tracker.getActiveStageIds()}
    return {i: (stage.numCompletedTasks, stage.numTasks) for i, stage in found.items() if stage is not None}
