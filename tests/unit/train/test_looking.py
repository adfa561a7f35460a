"""Before an epoch an objective sees the first rows that have a weight, all ranks the same, whatever their number."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dbx_dl.config import FeedConfig
from dbx_dl.contracts import PreparedTable
from dbx_dl.feed.reader import open_feed
from dbx_dl.frameworks.single_rank import SingleRank
from dbx_dl.train import looking
from dbx_dl.train.looking import show_rows
from tests.prepared_tables import write_feature_table
from tests.unit.train.test_loop import SoftmaxRegression, run_rank, run_threads, settings


class Looking(SoftmaxRegression):
    """Notes what it is shown."""

    wanted, least_rows = 40, 0

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.seen: list[tuple[int, np.ndarray]] = []

    def count_rows(self, epoch: int) -> int:
        return self.wanted if epoch != 2 else 0

    def look_at(self, inputs: np.ndarray) -> None:
        self.seen.append((self.epoch, inputs))


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> PreparedTable:
    return write_feature_table(tmp_path_factory.mktemp("table"), {"train": 150, "validation": 37, "test": 23})


def look(ranks: Any, prepared: PreparedTable, wanted: int) -> np.ndarray:
    feed = open_feed(
        prepared, "train", batch_size=16, rank=ranks.rank, num_ranks=ranks.size, seed=1, config=FeedConfig()
    )
    objective = Looking(ranks, 5)
    objective.wanted = wanted
    objective.start_epoch(1)
    show_rows(objective, ranks, feed, 1)
    ((_, rows),) = objective.seen
    return rows


@pytest.mark.parametrize("num_ranks", [1, 2, 3])
def test_all_ranks_see_the_same_rows(prepared: PreparedTable, num_ranks: int) -> None:
    seen = run_threads(num_ranks, lambda ranks: look(ranks, prepared, 40))
    assert all(np.array_equal(rows, seen[0]) for rows in seen) and len(seen[0]) == 40
    every = run_threads(num_ranks, lambda ranks: look(ranks, prepared, 4096))[0]
    # Padding is left out, and no row is seen twice.
    assert len(np.unique(every, axis=0)) == len(every) == 150


@pytest.mark.parametrize(("most", "least", "shown"), [(0, 24, 24), (20, 8, 20), (90, 24, 40)])
def test_of_large_rows_fewer_are_shown(
    prepared: PreparedTable, monkeypatch: pytest.MonkeyPatch, most: int, least: int, shown: int
) -> None:
    size = look(SingleRank(), prepared, 1)[0].size
    monkeypatch.setattr(looking, "_MAX_NUMBERS", most * size)
    monkeypatch.setattr(Looking, "least_rows", least)
    assert len(look(SingleRank(), prepared, 40)) == shown


def test_the_loop_asks_before_every_epoch(prepared: PreparedTable, tmp_path: Path) -> None:
    objective, *_ = run_rank(SingleRank(), prepared, settings(), tmp_path / "w", kind=Looking)
    assert [epoch for epoch, _ in objective.seen] == [1, 3, 4]
    # The same rows each time, so that what changes is the network.
    assert all(np.array_equal(rows, objective.seen[0][1]) for _, rows in objective.seen)


def test_rows_without_a_weight_are_not_shown(prepared: PreparedTable) -> None:
    feed = open_feed(prepared, "train", batch_size=16, seed=1)
    batches = list(feed.batches(0))
    kept = batches[0].inputs[::2]

    class Weighted:
        num_rows, num_steps = feed.num_rows, 1

        def batches(self, epoch: int | None, first_step: int = 0) -> Any:
            weights = np.arange(16, dtype=np.float32) % 2 == 0
            return iter([replace(batches[0], weights=weights.astype(np.float32))])

    objective = Looking(SingleRank(), 5)
    objective.start_epoch(1)
    show_rows(objective, SingleRank(), Weighted(), 1)
    assert np.array_equal(objective.seen[0][1], kept)
