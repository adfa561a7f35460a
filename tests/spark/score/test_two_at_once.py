"""Two runs of the scorer on one table at once: one commits, the other starts over, and no row is there twice."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dbx_dl.errors import DataError
from dbx_dl.score.tables import writing
from tests.killing import run_module
from tests.spark.score.changing_source import (
    NUM_ROWS,
    change_source,
    read_rows,
    run,
    score_afresh,
    write_model,
    write_source,
)

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


MORE_CASES = (("replace", True), ("replace", False), ("merge", True), ("append", False))


def interrupt(monkeypatch: pytest.MonkeyPatch, others: list[Any]) -> None:
    """Let each of the others run to its end between the reading and the writing of a run."""
    write, inside = writing.write_predictions, threading.Event()

    def write_later(job: writing.ScoreJob) -> None:
        if others and not inside.is_set():
            inside.set()
            others.pop()()
            inside.clear()
        write(job)

    monkeypatch.setattr(writing, "write_predictions", write_later)


@pytest.mark.parametrize(
    ("write", "is_first"),
    [
        ("merge", False),
        ("append", True),
        *(pytest.param(*case, marks=pytest.mark.matrix) for case in MORE_CASES),
    ],
)
def test_the_slower_run_starts_over(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: str, is_first: bool
) -> None:
    write_source(spark, tmp_path, has_feed=True)
    model = write_model(tmp_path)
    settings = {"mode": "whole" if write == "replace" else "incremental", "write": write}
    if not is_first:
        run(spark, tmp_path, model, **settings)
        change_source(spark, tmp_path)
    other = spark.newSession()
    interrupt(monkeypatch, [lambda: run(other, tmp_path, model, **settings)])
    scored = run(spark, tmp_path, model, **settings)
    monkeypatch.undo()
    if write != "append":
        assert read_rows(spark, scored) == score_afresh(spark, tmp_path, model, mode=settings["mode"])
    num_changed = 5 if write == "append" else 1  # of a merge: two keys are gone, three are new
    assert scored.num_rows == NUM_ROWS + (0 if is_first else num_changed)
    if write != "replace":
        assert scored.num_written == 0


@pytest.mark.matrix
def test_what_another_job_deletes_meanwhile_comes_back(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_source(spark, tmp_path, has_feed=True)
    model, other = write_model(tmp_path), spark.newSession()
    run(spark, tmp_path, model)
    change_source(spark, tmp_path)
    delete = f"DELETE FROM delta.`{tmp_path / 'out'}` WHERE key = '50'"
    interrupt(monkeypatch, [lambda: other.sql(delete)])
    run(spark, tmp_path, model, mode="incremental")
    last = run(spark, tmp_path, model, mode="incremental")
    assert last.selection == "input hash" and read_rows(spark, last) == score_afresh(spark, tmp_path, model)


@pytest.mark.matrix
def test_a_run_that_always_loses_says_so(spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_source(spark, tmp_path, has_feed=False)
    model, other = write_model(tmp_path), spark.newSession()

    def be_faster() -> None:
        run(other, tmp_path, model)

    interrupt(monkeypatch, [be_faster] * 3)
    with pytest.raises(DataError, match="each time while it was scored: run score again"):
        run(spark, tmp_path, model)


@pytest.mark.matrix
@pytest.mark.parametrize("write", ["merge", "append"])
def test_two_processes_end_with_one_right_table(spark: SparkSession, tmp_path: Path, write: str) -> None:
    write_source(spark, tmp_path, has_feed=True)
    model = write_model(tmp_path)
    settings = f'{{"mode": "incremental", "write": "{write}"}}'
    ends: list[int] = []

    def score() -> None:
        ends.append(run_module("tests.spark.score.killed_score", str(tmp_path), "never", settings).returncode)

    threads = [threading.Thread(target=score) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ends == [0, 0]
    scored = run(spark, tmp_path, model, mode="incremental", write=write)
    assert scored.num_written == 0 and read_rows(spark, scored) == score_afresh(spark, tmp_path, model)
