"""Ranks as tasks of Spark: they meet, fail loudly, stop together and leave nothing behind."""

from __future__ import annotations

import logging
import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dbx_dl.config import TrainConfig
from dbx_dl.errors import RankFailedError, SetupError
from dbx_dl.runtime.slots import count_slots
from dbx_dl.train.launch import check_launch, launch
from tests.ranks.observing import is_running, launch_and_disturb, program_of, read_reports, wait_until

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

GONE_SECONDS = 30


def test_ranks_meet_and_reduce(spark: SparkSession, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "dbx_dl"):
        launch(spark, program_of("sum_ranks", tmp_path), "spark")
    assert {f"[rank {rank}] rank {rank} of 2 has met the others" for rank in range(2)} <= set(caplog.messages)
    reports = [records[0] for records in read_reports(tmp_path)]
    assert [(r["rank"], r["size"], r["sum"]) for r in reports] == [(0, 2, 3.0), (1, 2, 3.0)]


def test_ranks_without_the_drivers_directory_hand_their_files_over(
    spark: SparkSession, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    program = replace(program_of("say_hello", tmp_path), is_shared=False)
    with caplog.at_level(logging.INFO, "dbx_dl"):
        launch(spark, program, "spark")
    assert [records[0]["rank"] for records in read_reports(tmp_path)] == [0, 1]
    said = sorted((record.levelname, record.getMessage()) for record in caplog.records)
    assert said == [("WARNING", f"[rank {rank}] hello from rank {rank}") for rank in range(2)]


@pytest.mark.matrix
def test_horovods_own_launcher_runs_the_same_program(spark: SparkSession, tmp_path: Path) -> None:
    launch(spark, program_of("sum_ranks", tmp_path), "horovod_spark")
    assert [records[0]["sum"] for records in read_reports(tmp_path)] == [3.0, 3.0]


def test_a_raising_rank_brings_its_own_traceback_and_stops_the_other(spark: SparkSession, tmp_path: Path) -> None:
    program = program_of("fail_on_rank_1", tmp_path)
    with pytest.raises(RankFailedError) as caught:
        launch(spark, program, "spark")
    message = str(caught.value)
    assert message.startswith("rank 1 of 2 failed: ValueError: cannot reshape")
    assert "in fail_on_rank_1" in message
    assert "\tat org.apache.spark" not in message
    pids = [records[0]["pid"] for records in read_reports(tmp_path)]
    wait_until(lambda: not any(map(is_running, pids)), GONE_SECONDS)


def test_a_killed_rank_is_named_and_the_other_stops(spark: SparkSession, tmp_path: Path) -> None:
    error, pids = launch_and_disturb(
        spark, program_of("reduce_forever", tmp_path), lambda first: os.kill(first[1]["pid"], signal.SIGKILL)
    )
    assert isinstance(error, RankFailedError)
    assert "rank 1 of 2 failed: its process was killed by signal 9 (SIGKILL)" in str(error)
    wait_until(lambda: not any(map(is_running, pids)), GONE_SECONDS)


def test_a_killed_python_worker_leaves_no_rank_behind(spark: SparkSession, tmp_path: Path) -> None:
    error, pids = launch_and_disturb(
        spark, program_of("reduce_forever", tmp_path), lambda first: os.kill(first[0]["task_pid"], signal.SIGKILL)
    )
    assert isinstance(error, RankFailedError)
    wait_until(lambda: not any(map(is_running, pids)), GONE_SECONDS)
    # The session survives and takes the next ranks.
    launch(spark, program_of("say_hello", tmp_path), "spark")


def test_more_ranks_than_slots_are_refused_and_not_submitted(spark: SparkSession) -> None:
    assert count_slots(spark) == 2
    tracker = spark.sparkContext.statusTracker()
    num_before = len(tracker.getJobIdsForGroup(None))
    with pytest.raises(SetupError, match=r"num_ranks is 3, but Spark runs 2 tasks at once: set train\.num_ranks to 2"):
        check_launch(spark, TrainConfig(network="mlp", num_ranks=3))
    assert len(tracker.getJobIdsForGroup(None)) == num_before, "a local master names its slots"
    assert tracker.getActiveJobsIds() == []
    check_launch(spark, TrainConfig(network="mlp", num_ranks=2))


def test_a_rank_that_takes_too_long_is_stopped(spark: SparkSession, tmp_path: Path) -> None:
    program = program_of("wait", tmp_path, timeout_seconds=2)
    with pytest.raises(RankFailedError, match="did not finish within timeout_seconds = 2"):
        launch(spark, program, "spark")
    pids = [record["pid"] for records in read_reports(tmp_path) for record in records]
    wait_until(lambda: not any(map(is_running, pids)), GONE_SECONDS)
