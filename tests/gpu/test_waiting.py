"""A GPU that has enough to compute does not wait for data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.gpu.digits_table import write_digits_table
from tests.gpu.trainings import train

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.gpu
# Some 3 x 10^9 multiplications a row, forward and backward: about a second an epoch on the fastest cards.
BUSY = {"channels": 512, "num_layers": 6}
NUM_COPIES = 20
LARGEST_SHARE = 0.2


def test_a_busy_gpu_hardly_waits_for_data(spark: SparkSession, framework: str, tmp_path: Path) -> None:
    prepared = write_digits_table(tmp_path / "table", NUM_COPIES)
    network = f"tests.gpu.{framework}_networks:build_busy"
    options = {"network": network, "network_options": BUSY, "batch_size": 128, "num_epochs": 2}
    trained = train(spark, prepared, framework, tmp_path / "run", **options)
    reports = trained.read_reports(0)
    assert [report["epoch"] for report in reports] == [1, 2]
    # In the first epoch the framework prepares its kernels.
    share = reports[1]["metrics"]["wait_share"]
    print(
        f"{trained.model.versions['gpu']}, {framework}: {share:.3f} of the time waiting, "
        f"{reports[1]['metrics']['rows_per_second']:,.0f} images/s"
    )
    assert 0 <= share < LARGEST_SHARE
