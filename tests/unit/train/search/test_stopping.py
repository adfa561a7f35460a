"""A trial that should stop: rank 0's word ends the loop on every rank, and the driver gives it through a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dbx_dl.config import TrainConfig
from dbx_dl.contracts import EpochMetrics
from dbx_dl.feed.reader import open_feed
from dbx_dl.train.checkpoints import BestWeights
from dbx_dl.train.job import TrainingJob
from dbx_dl.train.loop import fit
from dbx_dl.train.run import _make_handler
from dbx_dl.train.run_directory import RunDirectory
from tests.prepared_tables import SPEC, describe, write_feature_table
from tests.unit.train.test_loop import SoftmaxRegression, ThreadRanks, run_threads


def test_rank_0_ends_training_for_all(tmp_path: Path) -> None:
    prepared = write_feature_table(tmp_path / "t", {"train": 20, "validation": 5})
    config = TrainConfig(network="none", num_epochs=9, batch_size=8)

    def run(ranks: ThreadRanks) -> list[int]:
        place = {"batch_size": 8, "rank": ranks.rank, "num_ranks": ranks.size, "seed": 1}
        feeds = [open_feed(prepared, split, **place) for split in ("train", "validation")]  # type: ignore[arg-type]
        asked: list[bool] = []

        def should_stop() -> bool:
            asked.append(ranks.rank == 0 and len(asked) == 2)
            return asked[-1]

        best = BestWeights(tmp_path / "w.npy", ranks)
        objective = SoftmaxRegression(ranks, 5)
        fitted = fit(objective, ranks, *feeds, config, best, lambda epoch: None, should_stop=should_stop)
        return [epoch.epoch for epoch in fitted.history]

    assert run_threads(2, run) == [[1, 2, 3], [1, 2, 3]]


def test_the_drivers_wish_is_a_file_that_the_next_training_removes(tmp_path: Path) -> None:
    class Run:
        def __init__(self) -> None:
            self.logged: list[int] = []

        def log_epoch(self, epoch: EpochMetrics) -> None:
            self.logged.append(epoch.epoch)

    run: Any = Run()
    files = RunDirectory(tmp_path)
    job = TrainingJob(
        prepared=describe(tmp_path, 0, {"train": 5}, SPEC, ("no", "yes")),
        config=TrainConfig(network="mlp"),
        framework="torch",
        directory=str(tmp_path),
    )
    handle = _make_handler(job, files, run, lambda epoch: epoch.epoch == 2)
    for epoch in (1, 2):
        assert not files.stop.exists()
        handle({"kind": "epoch", "epoch": epoch, "metrics": {}, "seconds": 1.0, "rows_per_second": 1.0})
    assert files.stop.exists() and run.logged == [1, 2]
    files.clear()
    assert not files.stop.exists()
