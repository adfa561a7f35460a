"""The loop trains an objective that is not supervised, an autoencoder, and reports that one's own metrics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dbx_dl.config import OptimizerConfig, TrainConfig
from dbx_dl.contracts import Batch
from dbx_dl.frameworks.single_rank import SingleRank
from dbx_dl.train.checkpoints import BestWeights
from dbx_dl.train.evaluation import evaluate, observe_split
from dbx_dl.train.loop import fit


class ReconstructionError:
    """How far outputs are from the inputs; labels do not matter."""

    def observe(self, batch: Batch, outputs: np.ndarray) -> dict[str, np.ndarray]:
        return {"squares": ((outputs - batch.inputs) ** 2).mean(axis=1)}

    def measure(self, observed: Mapping[str, np.ndarray]) -> dict[str, float]:
        return {"rmse": float(np.sqrt(observed["squares"].mean()))} if observed else {}


class LinearAutoencoder:
    """Two dimensions in the middle, shared weights: outputs = inputs @ W @ W.T."""

    measures = ReconstructionError()

    def __init__(self) -> None:
        self.weights = np.random.default_rng(0).normal(size=(5, 2)) * 0.1
        self.rates: list[float] = []
        self.num_synchronized = 0

    def start_epoch(self, epoch: int) -> None:
        pass

    def train_step(self, batch: Batch, learning_rate: float) -> dict[str, float]:
        self.rates.append(learning_rate)
        x, w = batch.inputs * batch.weights[:, None], self.weights
        errors = x @ w @ w.T - x
        weight = float(batch.weights.sum())
        self.weights = w - learning_rate * 2 * (x.T @ errors @ w + errors.T @ x @ w) / weight
        return {"weight": weight, "loss": float((errors**2).sum())}

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        return np.asarray(inputs @ self.weights @ self.weights.T, np.float32)

    def synchronize_statistics(self) -> None:
        self.num_synchronized += 1

    def broadcast_state(self) -> None:
        pass

    def save_weights(self, path: Path) -> None:
        with path.open("wb") as file:
            np.save(file, self.weights)

    def load_weights(self, path: Path) -> None:
        self.weights = np.load(path, allow_pickle=False)


class MemoryFeed:
    """Rows near a plane in five dimensions; the last batch is padded."""

    def __init__(self, num_rows: int, seed: int) -> None:
        random = np.random.default_rng(seed)
        plane = np.random.default_rng(1).normal(size=(2, 5)) / 2
        self.rows = (random.normal(size=(num_rows, 2)) @ plane).astype(np.float32)
        self.num_rows, self.num_steps = num_rows, -(-num_rows // 16)

    def batches(self, epoch: int | None, first_step: int = 0) -> Iterator[Batch]:
        for start in range(0, self.num_rows, 16):
            inputs = np.full((16, 5), 1e6 if epoch is None else 0, np.float32)
            found = self.rows[start : start + 16]
            inputs[: len(found)] = found
            weights = (np.arange(16) < len(found)).astype(np.float32)
            yield Batch(inputs, np.zeros(16, np.int64), weights, ("",) * 16)


def train(tmp_path: Path, **optimizer: Any) -> tuple[LinearAutoencoder, Any, MemoryFeed]:
    objective, validation = LinearAutoencoder(), MemoryFeed(37, 3)
    config = TrainConfig(network="none", num_epochs=6, optimizer=OptimizerConfig(name="sgd", **optimizer))
    best = BestWeights(tmp_path / "w.npy", SingleRank())
    fitted = fit(objective, SingleRank(), MemoryFeed(150, 2), validation, config, best, lambda epoch: None)
    best.restore(objective)
    return objective, fitted, validation


def test_the_loop_trains_and_measures_it(tmp_path: Path) -> None:
    objective, fitted, validation = train(tmp_path, learning_rate=0.1)
    errors = [epoch.metrics["validation_rmse"] for epoch in fitted.history]
    assert errors[-1] < errors[0] / 2
    assert fitted.best_epoch == 1 + errors.index(min(errors))
    assert set(fitted.history[0].metrics) == {"train_loss", "validation_rmse"}
    assert evaluate(objective, SingleRank(), validation, "test_") == {"test_rmse": pytest.approx(min(errors))}
    assert len(observe_split(objective, SingleRank(), validation)["squares"]) == 37


def test_statistics_are_synchronized_once_an_epoch(tmp_path: Path) -> None:
    assert train(tmp_path, learning_rate=0.1)[0].num_synchronized == 6


def test_a_plateau_lowers_the_rate_of_later_epochs(tmp_path: Path) -> None:
    # Steps so small that no epoch is better than the first in float32.
    options: dict[str, Any] = {"learning_rate": 1e-12, "decay": "plateau", "decay_epochs": 2, "decay_factor": 0.5}
    rates = train(tmp_path, **options)[0].rates
    by_epoch = [rate / 1e-12 for rate in rates[::10]]
    assert len(rates) == 60
    assert by_epoch[0] == 1.0
    assert by_epoch[-1] < 0.6
