"""Runs in a process of its own: a run of the scorer that ends at a moment by SIGKILL for it and for its JVM.

`python -m tests.spark.score.killed_score FOLDER MOMENT SETTINGS`; SETTINGS are a config's as JSON, and with `stream`
in them the run is a stream. The moment `never` lets it end.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from dbx_dl import score_stream, score_table
from dbx_dl.config import SparkConfig
from dbx_dl.runtime.file_streams import await_stream
from dbx_dl.runtime.spark import open_session
from dbx_dl.score.columnar import job
from dbx_dl.score.tables import writing
from tests.killing import end_after, end_before, end_within
from tests.spark.score.changing_source import NOWHERE, configure


def list_data_files(place: Path) -> set[Path]:
    """Data files of the predictions table, committed or not."""
    return set((place / "out").glob("*.parquet"))


def list_result_files(place: Path) -> set[Path]:
    """Data files that tasks wrote without Spark, committed or not."""
    return set((place / "out").glob("scored-*/*.parquet"))


def list_commits(place: Path) -> set[Path]:
    """Commits of the predictions table."""
    return set((place / "out" / "_delta_log").glob("*.json"))


MOMENTS: dict[str, Callable[[Path], None]] = {
    "before the tasks": lambda place: end_before(job, "run_tasks"),
    "amid the tasks": lambda place: end_within(job, "run_tasks", partial(list_result_files, place)),
    "before the files' commit": lambda place: end_before(job, "replace_files"),
    "amid the files' commit": lambda place: end_within(job, "replace_files", partial(list_commits, place)),
    "after the files' commit": lambda place: end_after(job, "replace_files"),
    "before the table": lambda place: end_before(writing, "_settle_table"),
    "after the table": lambda place: end_before(writing, "write_predictions"),
    "amid the data files": lambda place: end_within(writing, "write_predictions", partial(list_data_files, place)),
    "after the commit": lambda place: end_after(writing, "write_predictions"),
    "never": lambda place: None,
}


def main(folder: Path, moment: str, settings: str) -> None:
    """Score, and end at that moment."""
    MOMENTS[moment](folder)
    spark = open_session(SparkConfig(driver_memory="1g"), "killed")
    config = configure(folder, str(folder / "model_0.onnx"), **json.loads(settings))
    if config.stream is None:
        score_table(spark, config, tracking=NOWHERE)
    else:
        await_stream(score_stream(spark, config, tracking=NOWHERE))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
