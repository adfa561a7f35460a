"""One rank on a GPU: it sees that one alone, learns on it, and its weights become a file that CPUs score alike."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

import dbx_dl
from dbx_dl.config import ExportConfig
from dbx_dl.contracts import PreparedTable
from dbx_dl.export.network_process import held_out_rows
from dbx_dl.score.model.session import open_model
from dbx_dl.score.predictions import predict_rows
from tests.gpu.conftest import GPUS
from tests.gpu.rank_programs import show_gpus, step_on_device
from tests.gpu.trainings import Training, train

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.gpu
TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def trained(
    spark: SparkSession, digits: PreparedTable, framework: str, tmp_path_factory: pytest.TempPathFactory
) -> Training:
    return train(spark, digits, framework, tmp_path_factory.mktemp(framework))


def test_a_rank_learns_on_the_gpu(trained: Training, framework: str) -> None:
    assert trained.model.versions["gpu"]
    assert trained.losses[-1] < trained.losses[0] / 3
    assert trained.model.metrics["test_accuracy"] > 0.9


@pytest.mark.parametrize("launcher", ["spark", "in_process"])
def test_its_weights_lie_on_the_gpu(spark: SparkSession, framework: str, launcher: str) -> None:
    found = dbx_dl.launch_ranks(spark, step_on_device, 1, launcher=launcher, framework=framework)
    assert found["kinds"] == ["cuda"]
    assert found["grows"] == [True]
    assert found["loss"] > 0


@pytest.mark.parametrize("launcher", ["spark", "in_process"])
def test_it_sees_the_first_gpu_alone(
    spark: SparkSession, framework: str, launcher: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "dbx_dl"):
        dbx_dl.launch_ranks(spark, show_gpus, 1, launcher=launcher, framework=framework)
    (seen,) = [json.loads(line.partition("] ")[2]) for line in caplog.messages if line.startswith("[rank 0] {")]
    assert seen == {"rank": 0, "given": GPUS[0], "num": 1}


def test_cpus_score_its_file_as_the_gpu_did(spark: SparkSession, trained: Training, tmp_path: Path) -> None:
    model = dbx_dl.export_onnx(spark, trained.model, ExportConfig(), directory=str(tmp_path))
    assert model.parity.max_abs_difference <= 1e-4
    split, rows = held_out_rows(trained.model.prepared, trained.model.prepared.split_rows["test"])
    assert split == "test"
    outputs, errors = predict_rows(open_model(Path(model.file.path)), rows.combine_chunks().to_batches()[0])
    with np.load(trained.files.test_predictions, allow_pickle=False) as arrays:
        assert arrays["keys"].tolist() == rows.column("path").to_pylist()
        on_gpu_nc = arrays["probabilities"]
    assert not errors
    assert np.abs(outputs["probabilities"] - on_gpu_nc).max() <= TOLERANCE
