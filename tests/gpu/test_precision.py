"""Mixed precision on a GPU: what float32 reaches, with nearly the same losses on the way."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from dbx_dl.contracts import PreparedTable
from dbx_dl.frameworks.loss_scale import LossScale, name_scale
from dbx_dl.train.checkpoint_files import find_latest
from tests.gpu.trainings import CONFIG, Training, train

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.gpu
PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
# Of an epoch's train loss: float16 leaves out its first steps, until it has found its scale, and is behind at first.
EARLY_TOLERANCE, LAST_TOLERANCE = 0.4, 0.05


@pytest.fixture(scope="module")
def trainings(
    spark: SparkSession, digits: PreparedTable, framework: str, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Training]:
    folder = tmp_path_factory.mktemp(framework)
    return {each: train(spark, digits, framework, folder / each, precision=each) for each in PRECISIONS}


def test_every_precision_learns(trainings: dict[str, Training]) -> None:
    accuracies = {precision: each.model.metrics["test_accuracy"] for precision, each in trainings.items()}
    assert min(accuracies.values()) > 0.9, accuracies


@pytest.mark.parametrize("precision", PRECISIONS[1:])
def test_losses_are_nearly_those_of_float32(trainings: dict[str, Training], precision: str) -> None:
    plain, mixed = trainings["float32"].losses, trainings[precision].losses
    assert mixed != plain
    assert mixed == pytest.approx(plain, rel=EARLY_TOLERANCE, abs=LAST_TOLERANCE)
    assert mixed[-1] == pytest.approx(plain[-1], abs=LAST_TOLERANCE)


def test_few_float16_steps_are_left_out(trainings: dict[str, Training]) -> None:
    checkpoint = find_latest(trainings["mixed_float16"].files.checkpoints)
    assert checkpoint is not None
    scale, num_good_steps = checkpoint.read_shared()[name_scale("optimizer")]
    num_steps = CONFIG.num_epochs * math.ceil(1200 / CONFIG.batch_size)
    num_left_out = math.log2(LossScale("mixed_float16").value / scale)
    assert 0 <= num_left_out < num_steps / 10
    assert num_good_steps > 0
