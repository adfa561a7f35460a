"""The same training on torch's own process group, where Horovod is absent."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from safetensors.numpy import load_file

import dbx_dl
from dbx_dl.config import OptimizerConfig, TrainConfig
from dbx_dl.errors import RankFailedError
from dbx_dl.runtime.ranks import read_rank_place
from dbx_dl.train.job import TrainingJob, TrainingResult
from dbx_dl.train.launch import launch
from dbx_dl.train.ranks import RankProgram
from dbx_dl.train.run_directory import RunDirectory
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


def use_collectives() -> dict[str, Any]:
    """Every collective once, with what differs between ranks."""
    import torch

    from dbx_dl.frameworks.torch import connect_ranks
    from dbx_dl.frameworks.torch.distribute.process_group import ProcessGroupRanks

    place = read_rank_place()
    ranks = connect_ranks(place)
    assert isinstance(ranks, ProcessGroupRanks)
    mine = [torch.full((2, 2), float(place.rank)), torch.tensor([place.rank + 1]), torch.tensor(0.5)]
    found = {
        "sum": ranks.sum(np.array([[1, place.rank]])),
        "rows": ranks.gather_rows(np.array(["a", "bc"] if place.rank else [], dtype="<U2")),
        "none": ranks.gather_rows(np.zeros((0, 3))),
        "first": ranks.broadcast(np.array([place.rank == 0])),
        "tensors": [tensor.numpy() for tensor in ranks.sum_tensors(mine)],
    }
    ranks.close()
    return found


def fail_on_rank_1() -> None:
    """Rank 1 raises while rank 0 waits for it."""
    from torch import distributed

    distributed.init_process_group("gloo")
    if distributed.get_rank() == 1:
        raise ValueError("odd")
    distributed.barrier()


def test_collectives(spark: SparkSession) -> None:
    found = dbx_dl.launch_ranks(spark, use_collectives, 2, launcher="torch_ddp")
    assert (found["sum"].dtype, found["sum"].tolist()) == (np.float64, [[2, 1]])
    assert found["rows"].tolist() == ["a", "bc"]
    assert found["none"].shape == (0, 3)
    assert found["first"].tolist() == [True]
    assert [array.tolist() for array in found["tensors"]] == [[[1, 1], [1, 1]], [3], 1]
    assert found["tensors"][1].dtype == np.int64


def test_a_failing_rank_is_named_and_the_other_stops(spark: SparkSession) -> None:
    with pytest.raises(RankFailedError, match=r"^rank 1 of 2 failed: ValueError: odd"):
        dbx_dl.launch_ranks(spark, fail_on_rank_1, 2, launcher="torch_ddp", timeout_seconds=120)


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
