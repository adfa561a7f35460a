"""The loop on a small softmax regression in NumPy, on one rank and on threads that stand for ranks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dbx_dl.config import FeedConfig, OptimizerConfig, TrainConfig
from dbx_dl.contracts import Batch, EpochMetrics, PreparedTable
from dbx_dl.errors import RankFailedError
from dbx_dl.feed.reader import open_feed
from dbx_dl.frameworks.interface import ObjectiveRequest
from dbx_dl.frameworks.measures import SupervisedMeasures
from dbx_dl.frameworks.single_rank import SingleRank
from dbx_dl.train.checkpoints import BestWeights
from dbx_dl.train.evaluation import evaluate, observe_split
from dbx_dl.train.loop import Fit, fit
from dbx_dl.train.meters import StepMetrics
from tests.prepared_tables import write_feature_table


class ThreadRanks:
    """Collectives between threads, each of which is a rank."""

    def __init__(self, rank: int, size: int, barrier: threading.Barrier, desk: dict[int, np.ndarray]) -> None:
        self.rank, self.size = rank, size
        self._barrier, self._desk = barrier, desk

    def _exchange(self, values: np.ndarray) -> list[np.ndarray]:
        self._desk[self.rank] = np.array(values)
        self._barrier.wait(30)
        everything = [self._desk[rank].copy() for rank in range(self.size)]
        self._barrier.wait(30)
        return everything

    def sum(self, values: np.ndarray) -> np.ndarray:
        return np.sum(self._exchange(values), axis=0, dtype=np.float64)

    def gather_rows(self, rows: np.ndarray) -> np.ndarray:
        return np.concatenate(self._exchange(rows))

    def broadcast(self, values: np.ndarray) -> np.ndarray:
        return self._exchange(values)[0]

    def close(self) -> None:
        pass


class SoftmaxRegression:
    """The smallest objective: logits = inputs @ weights, gradient descent."""

    measures = SupervisedMeasures(ObjectiveRequest())

    def __init__(self, ranks: Any, num_inputs: int, start: float = 0.0) -> None:
        self.ranks = ranks
        self.weights = np.full((num_inputs, 2), float(start))
        self.rates: list[float] = []

    def start_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def train_step(self, batch: Batch, learning_rate: float) -> dict[str, float]:
        self.rates.append(learning_rate)
        logits = batch.inputs @ self.weights
        probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        chosen = probabilities[np.arange(len(logits)), batch.labels]
        errors = (probabilities - np.eye(2)[batch.labels]) * batch.weights[:, None]
        weight = float(batch.weights.sum())
        reduced = self.ranks.sum(np.append((batch.inputs.T @ errors).ravel(), weight))
        self.weights -= learning_rate * reduced[:-1].reshape(self.weights.shape) / reduced[-1]
        return {"weight": weight, "loss": float(-(np.log(chosen) * batch.weights).sum())}

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        return np.asarray(inputs @ self.weights, dtype=np.float32)

    def synchronize_statistics(self) -> None:
        pass

    def broadcast_state(self) -> None:
        self.weights = self.ranks.broadcast(self.weights)

    def save_weights(self, path: Path) -> None:
        with path.open("wb") as file:
            np.save(file, self.weights)

    def load_weights(self, path: Path) -> None:
        self.weights = np.load(path, allow_pickle=False)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> PreparedTable:
    folder = tmp_path_factory.mktemp("table")
    return write_feature_table(folder, {"train": 150, "validation": 37, "test": 23}, rows_per_group=40)


def settings(**changes: Any) -> TrainConfig:
    optimizer = OptimizerConfig(name="sgd", learning_rate=changes.pop("learning_rate", 0.5))
    return TrainConfig(network="none", num_epochs=4, optimizer=optimizer, **changes)


def run_rank(
    ranks: Any,
    prepared: PreparedTable,
    config: TrainConfig,
    path: Path,
    start: float = 0.0,
    kind: type[SoftmaxRegression] = SoftmaxRegression,
) -> Any:
    feeds = {
        split: open_feed(
            prepared,
            split,  # type: ignore[arg-type]
            batch_size=config.batch_size,
            rank=ranks.rank,
            num_ranks=ranks.size,
            seed=1,
            config=FeedConfig(shuffle_window_rows=64),
        )
        for split in ("train", "validation", "test")
    }
    objective = kind(ranks, 5, start)
    reported: list[Any] = []
    best = BestWeights(path, ranks)
    fitted = fit(objective, ranks, feeds["train"], feeds["validation"], config, best, reported.append)
    last = objective.weights.copy()
    best.restore(objective)
    observed = observe_split(objective, ranks, feeds["test"])
    # Nothing is observed of a split without rows.
    predicted = tuple(observed.get(name, np.zeros(0)) for name in ("labels", "predictions"))
    return objective, last, fitted, reported, predicted


def run_threads(size: int, work: Callable[[ThreadRanks], Any]) -> list[Any]:
    barrier, desk = threading.Barrier(size), {}
    results: dict[int, Any] = {}
    threads = [
        threading.Thread(target=lambda r=rank: results.update({r: work(ThreadRanks(r, size, barrier, desk))}))
        for rank in range(size)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return [results[rank] for rank in range(size)]


def metrics_of(fitted: Fit) -> list[dict[str, float]]:
    return [epoch.metrics for epoch in fitted.history]


@pytest.mark.parametrize("num_ranks", [2, 4])
def test_the_same_global_batch_gives_the_same_run_on_any_number_of_ranks(
    prepared: PreparedTable, tmp_path: Path, num_ranks: int
) -> None:
    config = settings(batch_size=16 // num_ranks)
    results = run_threads(num_ranks, lambda ranks: run_rank(ranks, prepared, config, tmp_path / "many.npy"))
    alone = run_rank(SingleRank(), prepared, settings(batch_size=16), tmp_path / "one.npy")
    for _, last, fitted, _, (labels, probabilities) in results:
        np.testing.assert_allclose(last, alone[1], atol=1e-12)
        np.testing.assert_allclose(probabilities, alone[4][1], atol=1e-6)
        assert labels.tolist() == alone[4][0].tolist()
        for mine, theirs in zip(metrics_of(fitted), metrics_of(alone[2]), strict=True):
            assert mine == pytest.approx(theirs)


def test_ranks_start_from_rank_0s_weights(prepared: PreparedTable, tmp_path: Path) -> None:
    config = settings(batch_size=8)
    results = run_threads(2, lambda ranks: run_rank(ranks, prepared, config, tmp_path / "w.npy", start=ranks.rank))
    np.testing.assert_array_equal(results[0][1], results[1][1])


def test_training_learns_and_metrics_are_exact_averages(prepared: PreparedTable, tmp_path: Path) -> None:
    _, _, fitted, reported, (labels, probabilities) = run_rank(
        SingleRank(), prepared, settings(batch_size=16), tmp_path / "w.npy"
    )
    assert tuple(values for values in reported if isinstance(values, EpochMetrics)) == fitted.history
    assert fitted.history[-1].metrics["validation_accuracy"] > 0.9
    assert (probabilities.argmax(axis=1) == labels).mean() > 0.9
    assert len(labels) == 23
    # At weights 0 every row's loss is log 2; a tiny learning rate keeps them there, and padding must not count.
    frozen = run_rank(SingleRank(), prepared, settings(batch_size=64, learning_rate=1e-12), tmp_path / "f.npy")[2]
    assert frozen.history[0].metrics["train_loss"] == pytest.approx(np.log(2))


def test_metrics_of_training_have_the_weights_of_samples_and_speed_counts_rows(
    prepared: PreparedTable, tmp_path: Path
) -> None:
    class Weighted(SoftmaxRegression):
        def train_step(self, batch: Batch, learning_rate: float) -> dict[str, float]:
            super().train_step(batch, 0.0)
            # Every row weighs 4 in the loss and 2 in metrics; half of them are hits.
            num_rows = float(batch.weights.sum())
            return {"weight": 4 * num_rows, "loss": 4 * num_rows, "sample_weight": 2 * num_rows, "accuracy": num_rows}

    config = settings(batch_size=16, report_every_steps=5)
    _, _, fitted, reported, _ = run_rank(SingleRank(), prepared, config, tmp_path / "w.npy", kind=Weighted)
    first = fitted.history[0]
    found = {name: value for name, value in first.metrics.items() if name.startswith("train_")}
    assert found == {"train_loss": 1.0, "train_accuracy": 0.5}
    steps = next(values.metrics for values in reported if isinstance(values, StepMetrics))
    assert {name for name in steps if name.startswith("step_")} == {
        "step_loss",
        "step_accuracy",
        "step_rows_per_second",
    }
    assert (steps["step_loss"], steps["step_accuracy"]) == (1.0, 0.5)
    # Not the 600 that the rows weigh.
    assert first.rows_per_second * first.seconds >= 150
    assert fitted.rows_per_second > 0


def test_the_best_weights_are_restored_not_the_last(prepared: PreparedTable, tmp_path: Path) -> None:
    class Spoiling(SoftmaxRegression):
        def train_step(self, batch: Batch, learning_rate: float) -> dict[str, float]:
            sums = super().train_step(batch, learning_rate)
            if len(self.rates) > 2 * 10:
                self.weights = -np.abs(self.weights[:, ::-1])
            return sums

    ranks = SingleRank()
    objective = Spoiling(ranks, 5)
    feeds = [
        open_feed(prepared, split, batch_size=16, seed=1, config=FeedConfig(shuffle_window_rows=64))  # type: ignore[arg-type]
        for split in ("train", "validation")
    ]
    best = BestWeights(tmp_path / "w.npy", ranks)
    fitted = fit(objective, ranks, *feeds, settings(batch_size=16), best, lambda epoch: None)
    assert fitted.best_epoch <= 2
    best.restore(objective)
    reached = evaluate(objective, ranks, feeds[1], "validation_")
    assert reached == pytest.approx(
        {n: v for n, v in fitted.history[fitted.best_epoch - 1].metrics.items() if n.startswith("validation_")}
    )


def test_early_stopping_ends_the_run_on_every_rank(prepared: PreparedTable, tmp_path: Path) -> None:
    class Stuck(SoftmaxRegression):
        def train_step(self, batch: Batch, learning_rate: float) -> dict[str, float]:
            return super().train_step(batch, 0.0)

    config = settings(batch_size=8, early_stopping_epochs=2)
    results = run_threads(2, lambda ranks: run_rank(ranks, prepared, config, tmp_path / "w.npy", kind=Stuck))
    assert [[epoch.epoch for epoch in fitted.history] for _, _, fitted, _, _ in results] == [[1, 2, 3]] * 2
    assert results[0][2].best_epoch == 1


def test_without_validation_rows_the_training_loss_decides(tmp_path: Path) -> None:
    prepared = write_feature_table(tmp_path / "t", {"train": 50})
    _, _, fitted, _, (labels, probabilities) = run_rank(
        SingleRank(), prepared, settings(batch_size=16), tmp_path / "w.npy"
    )
    losses = [epoch.metrics["train_loss"] for epoch in fitted.history]
    assert fitted.best_epoch == 1 + losses.index(min(losses))
    assert set(fitted.history[0].metrics) == {"train_loss"}
    assert len(labels) == len(probabilities) == 0


def test_more_ranks_than_rows(tmp_path: Path) -> None:
    prepared = write_feature_table(tmp_path / "t", {"train": 3, "validation": 1, "test": 2})
    config = settings(batch_size=2)
    results = run_threads(4, lambda ranks: run_rank(ranks, prepared, config, tmp_path / "w.npy"))
    for _, last, _, _, (labels, _) in results:
        np.testing.assert_array_equal(last, results[0][1])
        assert len(labels) == 2


def test_a_loss_that_is_not_finite_names_epoch_step_and_rows(prepared: PreparedTable, tmp_path: Path) -> None:
    class Exploding(SoftmaxRegression):
        def train_step(self, batch: Batch, learning_rate: float) -> dict[str, float]:
            sums = super().train_step(batch, learning_rate)
            return sums | ({"loss": float("nan")} if len(self.rates) == 13 else {})

    feed = open_feed(prepared, "train", batch_size=16, seed=1, config=FeedConfig(shuffle_window_rows=64))
    ranks = SingleRank()
    best = BestWeights(tmp_path / "w.npy", ranks)
    with pytest.raises(RankFailedError, match=r"nan in epoch 2, step 3, .*rows train-\d+"):
        fit(Exploding(ranks, 5), ranks, feed, feed, settings(batch_size=16), best, lambda epoch: None)


def test_the_learning_rate_of_every_step_comes_from_the_schedule(prepared: PreparedTable, tmp_path: Path) -> None:
    optimizer = OptimizerConfig(name="sgd", learning_rate=0.5, warmup_epochs=1, decay="cosine")
    config = TrainConfig(network="none", num_epochs=2, batch_size=16, optimizer=optimizer)
    objective = run_rank(SingleRank(), prepared, config, tmp_path / "w.npy")[0]
    assert len(objective.rates) == 20
    assert objective.rates[9] == 0.5 == max(objective.rates)
    assert objective.rates[:10] == sorted(objective.rates[:10])


def test_an_evaluation_that_misses_rows_is_an_error(prepared: PreparedTable) -> None:
    class Short:
        num_rows, num_steps = 5, 1

        def batches(self, epoch: int | None) -> Iterator[Batch]:
            yield Batch(np.zeros((2, 5), np.float32), np.zeros(2, np.int64), np.ones(2, np.float32), ("a", "b"))

    with pytest.raises(RankFailedError, match="2 of 5 rows"):
        observe_split(SoftmaxRegression(SingleRank(), 5), SingleRank(), Short())
