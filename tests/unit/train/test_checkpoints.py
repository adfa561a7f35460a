"""Checkpoints of a small noisy softmax regression: going on from any of them ends as if nothing had happened."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dbx_dl.config import CheckpointConfig, FeedConfig, TrainConfig
from dbx_dl.contracts import Batch, EpochMetrics, PreparedTable
from dbx_dl.errors import DataError
from dbx_dl.feed.reader import open_feed
from dbx_dl.frameworks.single_rank import SingleRank
from dbx_dl.train.checkpoint_files import (
    MANIFEST,
    SHARED,
    Checkpoint,
    Progress,
    discard_after,
    find_latest,
    list_folders,
    open_checkpoint,
)
from dbx_dl.train.checkpoints import BestWeights, Checkpoints, convert_step
from dbx_dl.train.loop import Fit, fit
from tests.prepared_tables import write_feature_table
from tests.unit.train.test_loop import SoftmaxRegression, metrics_of, run_threads, settings


class NoisyRegression(SoftmaxRegression):
    """Drops inputs at random, each rank on its own, and has momentum: both must survive."""

    def __init__(self, ranks: Any, seed: int, dropout: float = 0.3) -> None:
        super().__init__(ranks, 5, start=float(seed))
        self.velocity = np.zeros_like(self.weights)
        self.noise = np.random.RandomState(seed + ranks.rank)
        self.dropout = dropout
        self.num_synchronized = 0

    def train_step(self, batch: Batch, learning_rate: float) -> dict[str, float]:
        before = self.weights.copy()
        is_kept = self.noise.random_sample(batch.inputs.shape) >= self.dropout
        kept = Batch(batch.inputs * is_kept, batch.labels, batch.weights, batch.keys)
        sums = super().train_step(kept, learning_rate)
        self.velocity = 0.5 * self.velocity + (self.weights - before)
        self.weights = before + self.velocity
        return sums

    def synchronize_statistics(self) -> None:
        self.num_synchronized += 1

    def read_state(self) -> dict[str, np.ndarray]:
        return {"weights": self.weights, "velocity": self.velocity}

    def write_state(self, arrays: Mapping[str, np.ndarray]) -> None:
        self.weights, self.velocity = arrays["weights"].copy(), arrays["velocity"].copy()

    def read_noise(self) -> dict[str, np.ndarray]:
        _, keys, place, _, _ = self.noise.get_state()
        return {"keys": np.array(keys), "place": np.array(place)}

    def write_noise(self, arrays: Mapping[str, np.ndarray]) -> None:
        self.noise.set_state(("MT19937", arrays["keys"], int(arrays["place"])))


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> PreparedTable:
    return write_feature_table(tmp_path_factory.mktemp("table"), {"train": 75, "validation": 37}, rows_per_group=40)


def configure(batch_size: int, **checkpoint: Any) -> TrainConfig:
    kept = CheckpointConfig(**{"every_steps": 3, "keep_last": 1000, **checkpoint})
    return settings(batch_size=batch_size, early_stopping_epochs=3).model_copy(update={"checkpoint": kept})


def train(
    ranks: Any, prepared: PreparedTable, config: TrainConfig, folder: Path, start: Path | None = None, seed: int = 1
) -> tuple[NoisyRegression, Fit]:
    """One rank's training; checkpoints and best weights go to `folder`."""
    train_feed, validation = (
        open_feed(
            prepared,
            split,  # type: ignore[arg-type]
            batch_size=config.batch_size,
            rank=ranks.rank,
            num_ranks=ranks.size,
            seed=1,
            config=FeedConfig(shuffle_window_rows=64),
        )
        for split in ("train", "validation")
    )
    objective = NoisyRegression(ranks, seed)
    best = BestWeights(folder / "best_weights.npy", ranks)
    checkpoints = Checkpoints(
        folder / "checkpoints", ranks, config.checkpoint, best, job_digest="d", batch_size=config.batch_size
    )
    opened = None if start is None else open_checkpoint(start)
    fitted = fit(objective, ranks, train_feed, validation, config, best, lambda values: None, checkpoints, opened)
    return objective, fitted


def folders_of(folder: Path) -> list[Path]:
    return sorted(list_folders(folder / "checkpoints"))


@pytest.mark.parametrize("num_ranks", [1, 2])
def test_going_on_from_any_checkpoint_ends_as_if_nothing_had_happened(
    prepared: PreparedTable, tmp_path: Path, num_ranks: int
) -> None:
    config = configure(16 // num_ranks)
    whole = run_threads(num_ranks, lambda ranks: train(ranks, prepared, config, tmp_path))
    names = [path.name for path in folders_of(tmp_path)]
    assert names[:4] == [
        "epoch_0001_step_000003",
        "epoch_0002_step_000000",
        "epoch_0002_step_000001",
        "epoch_0002_step_000004",
    ]
    best = (tmp_path / "best_weights.npy").read_bytes()
    for place in folders_of(tmp_path):
        (tmp_path / "best_weights.npy").write_bytes(b"of a later epoch")
        again = run_threads(
            num_ranks, lambda ranks, start=place: train(ranks, prepared, config, tmp_path, start, seed=5)
        )
        for (objective, fitted), (expected, undisturbed) in zip(again, whole, strict=True):
            assert objective.weights.tobytes() == expected.weights.tobytes(), place
            assert metrics_of(fitted) == metrics_of(undisturbed), place
            assert fitted.best_epoch == undisturbed.best_epoch
        assert (tmp_path / "best_weights.npy").read_bytes() == best


def test_without_the_noise_states_it_would_end_otherwise(
    prepared: PreparedTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, _ = train(SingleRank(), prepared, configure(16), tmp_path)
    monkeypatch.setattr(NoisyRegression, "write_noise", lambda self, arrays: None)
    again, _ = train(SingleRank(), prepared, configure(16), tmp_path, folders_of(tmp_path)[1], seed=5)
    assert not np.array_equal(again.weights, whole.weights)


def test_a_training_that_had_stalled_takes_no_more_steps(prepared: PreparedTable, tmp_path: Path) -> None:
    config = configure(16, every_steps=None).model_copy(update={"num_epochs": 40})
    _, fitted = train(SingleRank(), prepared, config, tmp_path)
    assert len(fitted.history) < 40
    again, same = train(SingleRank(), prepared, config, tmp_path, folders_of(tmp_path)[-1])
    assert again.rates == []
    assert metrics_of(same) == metrics_of(fitted)


def test_only_the_last_ones_are_kept_and_no_manifest_means_no_checkpoint(
    prepared: PreparedTable, tmp_path: Path
) -> None:
    objective, _ = train(SingleRank(), prepared, configure(16, keep_last=2, every_steps=None), tmp_path)
    assert [path.name for path in folders_of(tmp_path)] == ["epoch_0004_step_000000", "epoch_0005_step_000000"]
    assert objective.num_synchronized == 4
    older, newer = folders_of(tmp_path)
    (newer / MANIFEST).unlink()
    latest = find_latest(tmp_path / "checkpoints")
    assert latest is not None
    assert latest.folder == older
    discard_after(tmp_path / "checkpoints", latest)
    assert folders_of(tmp_path) == [older]
    discard_after(tmp_path / "checkpoints", None)
    assert find_latest(tmp_path / "checkpoints") is None
    assert folders_of(tmp_path) == []


def test_a_corrupt_checkpoint_is_passed_over_with_a_warning(
    prepared: PreparedTable, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    train(SingleRank(), prepared, configure(16, every_steps=None), tmp_path)
    *_, second, last = folders_of(tmp_path)
    content = bytearray((last / SHARED).read_bytes())
    content[-100] ^= 1
    (last / SHARED).write_bytes(bytes(content))
    with caplog.at_level(logging.WARNING):
        latest = find_latest(tmp_path / "checkpoints")
    assert latest is not None
    assert latest.folder == second
    assert "shared.npz is corrupt" in caplog.text
    (second / "rank_0.npz").unlink()
    with pytest.raises(DataError, match=r"rank_0\.npz is missing"):
        open_checkpoint(second)


def test_other_ranks_with_the_same_global_batch_read_the_rows_that_are_left(
    prepared: PreparedTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(NoisyRegression.__init__, "__defaults__", (0.0,))
    whole = run_threads(2, lambda ranks: train(ranks, prepared, configure(8), tmp_path))
    place = next(path for path in folders_of(tmp_path) if path.name == "epoch_0002_step_000004")
    again, fitted = train(SingleRank(), prepared, configure(16), tmp_path, place)
    np.testing.assert_allclose(again.weights, whole[0][0].weights, atol=1e-12)
    for mine, theirs in zip(metrics_of(fitted), metrics_of(whole[0][1]), strict=True):
        assert mine == pytest.approx(theirs)
    four = run_threads(4, lambda ranks: train(ranks, prepared, configure(4), tmp_path, place))
    np.testing.assert_allclose(four[3][0].weights, whole[0][0].weights, atol=1e-12)


def progress_of(**changes: Any) -> Progress:
    values = {"num_ranks": 2, "batch_size": 8, "epoch": 2, "step": 5, "seconds": 1.0, "history": ()}
    return Progress(**{**values, "job_digest": "d", "schedule": {}, "selection": {}, **changes})


def test_a_position_becomes_the_last_step_that_leaves_no_row_out() -> None:
    assert convert_step(progress_of(), 2, 8) == 5
    assert convert_step(progress_of(), 4, 4) == 5
    assert convert_step(progress_of(), 1, 8) == 10
    assert convert_step(progress_of(), 4, 8) == 2
    assert convert_step(progress_of(), 3, 8) == 0  # 64 lanes cannot be dealt to three ranks


def test_progress_survives_its_file_also_with_numbers_that_json_lacks(tmp_path: Path) -> None:
    epoch = EpochMetrics(
        epoch=1, metrics={"validation_loss": float("inf"), "x": 0.1 + 0.2}, seconds=1, rows_per_second=1
    )
    progress = progress_of(history=(epoch,), schedule={"best": float("-inf")}, selection={"scores": [1 / 3]})
    progress.save(tmp_path / "progress.json")
    assert Progress.load(tmp_path / "progress.json") == progress


def test_weights_of_no_epoch_are_no_best_weights(prepared: PreparedTable, tmp_path: Path) -> None:
    train(SingleRank(), prepared, configure(16), tmp_path)
    first = folders_of(tmp_path)[0]
    checkpoint = Checkpoint(first, open_checkpoint(first).progress)
    assert checkpoint.progress.step == 3
    assert checkpoint.find_best_weights() is None
    BestWeights(tmp_path / "best_weights.npy", SingleRank()).go_back(None)
    assert not (tmp_path / "best_weights.npy").exists()


def test_every_rank_has_a_file_of_its_own(prepared: PreparedTable, tmp_path: Path) -> None:
    run_threads(4, lambda ranks: train(ranks, prepared, configure(4, every_steps=1), tmp_path))
    latest = find_latest(tmp_path / "checkpoints")
    assert latest is not None
    states = [latest.read_rank(rank)["noise/keys"].tobytes() for rank in range(4)]
    assert len(set(states)) == 4
    assert {path.name for path in latest.folder.glob("rank_*")} == {f"rank_{rank}.npz" for rank in range(4)}
