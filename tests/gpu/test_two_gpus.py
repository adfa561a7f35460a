"""Two ranks on a GPU each: who sees which, sums through NCCL, and training that is the same on both."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

import dbx_dl
from dbx_dl.contracts import PreparedTable
from dbx_dl.train import run
from tests.gpu.rank_programs import show_gpus, sum_on_devices
from tests.gpu.trainings import Training, train

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.gpu


def train_audited(
    spark: SparkSession, digits: PreparedTable, framework: str, directory: Path, launcher: str
) -> Training:
    """Two ranks that also write down the weights which each of them had at the end."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "WORKER_MODULE", "tests.ranks.audited_worker")
        return train(spark, digits, framework, directory, num_ranks=2, batch_size=16, launcher=launcher)


def check_trained(two: Training, one: Training) -> None:
    """Both ranks end with the same weights, and learned what one rank learns from the same global batches."""
    first, second = sorted((two.files.root / "audit").glob("weights_*"))
    assert first.read_bytes() == second.read_bytes()
    assert two.model.metrics["test_accuracy"] > 0.9
    assert two.losses == pytest.approx(one.losses, rel=0.1, abs=0.02)


def test_each_rank_sees_its_own_gpu_alone(
    spark: SparkSession, two_gpus: list[str], framework: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "dbx_dl"):
        dbx_dl.launch_ranks(spark, show_gpus, 2, framework=framework)
    lines = [line.partition("] ")[2] for line in caplog.messages if line.startswith("[rank ")]
    seen = sorted((json.loads(line) for line in lines if line.startswith("{")), key=lambda each: each["rank"])
    assert seen == [{"rank": rank, "given": name, "num": 1} for rank, name in enumerate(two_gpus)]


@pytest.mark.usefixtures("two_gpus", "nccl")
def test_sums_go_through_nccl(spark: SparkSession, framework: str) -> None:
    found = dbx_dl.launch_ranks(spark, sum_on_devices, 2, framework=framework)
    # PyTorch's second tensor came from the CPU, and its sum goes back there.
    assert found["kinds"] == ["cuda", "cpu" if framework == "torch" else "cuda"]
    for values, size in zip(found["values"], (1000, 1), strict=True):
        np.testing.assert_array_equal(values, np.full(size, 3, np.float32))
    np.testing.assert_array_equal(found["float64"], [3, 2e-12])
    np.testing.assert_array_equal(found["rows"], [[2, 2]])
    np.testing.assert_array_equal(found["first"], [0])


@pytest.mark.usefixtures("two_gpus", "nccl")
def test_training_through_nccl(spark: SparkSession, digits: PreparedTable, framework: str, tmp_path: Path) -> None:
    two = train_audited(spark, digits, framework, tmp_path / "two", "spark")
    check_trained(two, train(spark, digits, framework, tmp_path / "one"))


@pytest.mark.usefixtures("two_gpus")
@pytest.mark.parametrize("framework", ["torch"], indirect=True)
def test_training_on_torchs_own_process_group(
    spark: SparkSession, digits: PreparedTable, framework: str, tmp_path: Path
) -> None:
    two = train_audited(spark, digits, framework, tmp_path / "two", "torch_ddp")
    check_trained(two, train(spark, digits, framework, tmp_path / "one"))
