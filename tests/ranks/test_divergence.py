"""One rank's row spoils the loss: all ranks stop, and the driver is told the step and the rows of that rank."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from deltalake import DeltaTable

from dbx_dl.config import OptimizerConfig, TrainConfig
from dbx_dl.contracts import PreparedTable
from dbx_dl.errors import RankFailedError, RankLostError
from dbx_dl.feed.reader import open_feed
from dbx_dl.train.job import TrainingJob
from dbx_dl.train.launch import launch
from dbx_dl.train.ranks import RankProgram
from dbx_dl.train.run_directory import RunDirectory
from tests.prepared_tables import write_number_table
from tests.ranks.observing import is_running, read_reports, wait_until

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

CONFIG = TrainConfig(network="mlp", num_ranks=2, batch_size=8, num_epochs=3, optimizer=OptimizerConfig(name="sgd"))
# Its input is so large that the loss overflows float32; the network gets the largest number that there is.
SPOILT_KEY = "train-00031"


@pytest.fixture
def spoilt(tmp_path: Path) -> PreparedTable:
    prepared = write_number_table(tmp_path / "table", "regression", {"train": 100, "validation": 9, "test": 11})
    table = DeltaTable(tmp_path / "table")
    table.update(updates={"x": "1e300"}, predicate=f"key = '{SPOILT_KEY}'")
    pinned = prepared.table.model_copy(update={"version": table.version()})
    return prepared.model_copy(update={"table": pinned})


def find_batch(prepared: PreparedTable) -> tuple[int, int, list[str]]:
    """The rank and the step, from 1, that read the row in the first epoch, and all keys of that batch."""
    for rank in range(CONFIG.num_ranks):
        feed = open_feed(prepared, "train", batch_size=CONFIG.batch_size, rank=rank, num_ranks=CONFIG.num_ranks)
        for step, batch in enumerate(feed.batches(1), 1):
            if SPOILT_KEY in list(batch.keys):
                return rank, step, [key for key in batch.keys if key]
    raise AssertionError("no rank reads the row")


@pytest.mark.parametrize("framework", ["torch", pytest.param("keras", marks=pytest.mark.matrix)])
def test_a_loss_that_one_rank_loses_stops_all_and_names_its_rows(
    spark: SparkSession, spoilt: PreparedTable, tmp_path: Path, framework: str
) -> None:
    rank, step, keys = find_batch(spoilt)
    assert (rank, step > 1) == (1, True), "another rank than the first, and not at the start"
    files = RunDirectory(tmp_path / "run")
    files.clear()
    TrainingJob(prepared=spoilt, config=CONFIG, framework=framework, directory=str(files.root)).save(files.job)
    with pytest.raises(RankFailedError) as caught:
        launch(spark, RankProgram("dbx_dl.train.worker", (str(files.job),), str(files.root), 2, 300), "spark")
    message = str(caught.value)
    assert not isinstance(caught.value, RankLostError), "nothing that is tried again"
    assert message.startswith(
        f"rank {rank} of 2 failed: the loss became inf in epoch 1, step {step}, at learning rate 0.001 "
        f"(rows {SPOILT_KEY}, "
    )
    assert "...): lower optimizer.learning_rate" in message
    assert f"the batch's rows: {', '.join(keys)}" in message
    pids = [records[0]["pid"] for records in read_reports(files.root)]
    assert len(pids) == 2
    wait_until(lambda: not any(map(is_running, pids)), 30)
