"""The same training on torch's own process group, where Horovod is absent."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from safetensors.numpy import load_file

from dbx_dl.config import OptimizerConfig, TrainConfig
from dbx_dl.train.job import RunDirectory, TrainingJob, TrainingResult
from dbx_dl.train.launch import launch
from dbx_dl.train.ranks import RankProgram
from tests.prepared_tables import write_feature_table

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

CONFIG = TrainConfig(
    network="mlp",
    num_ranks=2,
    batch_size=8,
    num_epochs=2,
    optimizer=OptimizerConfig(name="sgd", learning_rate=0.05, momentum=0.9),
)


def test_torchs_own_group_trains_to_the_weights_of_horovod(spark: SparkSession, tmp_path: Path) -> None:
    prepared = write_feature_table(tmp_path / "table", {"train": 75, "validation": 9, "test": 11})
    modules = {"spark": "dbx_dl.train.worker", "torch_ddp": "tests.ranks.worker_without_horovod"}
    weights, results = [], []
    for launcher, module in modules.items():
        files = RunDirectory(tmp_path / launcher)
        files.clear()
        config = CONFIG.model_copy(update={"launcher": launcher})
        TrainingJob(prepared=prepared, config=config, framework="torch", directory=str(files.root)).save(files.job)
        launch(spark, RankProgram(module, (str(files.job),), str(files.root), 2, 300), launcher)
        results.append(TrainingResult.load(files.result))
        weights.append(load_file(results[-1].weights.path))
    horovod, torch = weights
    assert horovod.keys() == torch.keys()
    for name, array in horovod.items():
        np.testing.assert_allclose(torch[name], array, rtol=0, atol=1e-6)
    assert results[0].history[-1].metrics == results[1].history[-1].metrics
    assert results[0].metrics == results[1].metrics
