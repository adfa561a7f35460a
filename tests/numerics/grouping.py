"""Networks that look for clusters: by steps, over ranks, with and without a decoder, and until wines are grouped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from dbx_dl.config import OptimizerConfig
from dbx_dl.contracts import Batch, Target
from dbx_dl.frameworks.architectures import ARCHITECTURES
from dbx_dl.frameworks.architectures.architecture import read_options
from dbx_dl.frameworks.interface import Framework, NetworkRequest, ObjectiveRequest, Ranks
from dbx_dl.frameworks.single_rank import SingleRank
from dbx_dl.tasks import TaskSettings, task_of
from dbx_dl.train.looking import show_rows
from tests.numerics.digits import make_global_batches, read_digits, take_share
from tests.numerics.training import SEED

# By network: how its steps are compared over frameworks and ranks. Learning rates are those of plain gradient descent.
EXACT = {"kmeans": 0.05, "gaussian_mixture": 0.0005}
# The other network with a decoder is trained in tests/spark/monitor.
DEEP = ("deep_gaussian_mixture",)
DEEP_OPTIONS = {"hidden_units": 32, "code_size": 5, "pretraining_epochs": 2}
NUM_STEPS, NUM_EPOCHS = 20, 4
NUM_WINES, NUM_WINE_EPOCHS = 3, 12


@dataclass(frozen=True)
class Shares:
    """A rank's batches, the same in every epoch; a `RowFeed` as far as `show_rows` asks."""

    shares: list[Batch]
    num_rows: int = 0
    num_steps: int = NUM_STEPS

    def batches(self, epoch: int | None, first_step: int = 0) -> Iterator[Batch]:
        """All of them."""
        del epoch
        yield from self.shares[first_step:]


def run(framework: Framework, ranks: Ranks, folder: Path) -> dict[str, Any]:
    """The global averages of every epoch, by network; outputs for some digits after them go to `folder`."""
    folder.mkdir(parents=True)
    return {network: train_digits(framework, ranks, folder, network) for network in (*EXACT, *DEEP)}


def run_alone(name: str, framework: Framework, folder: Path) -> dict[str, Any]:
    """The same with one rank, and in PyTorch, which learns what Keras does, metrics of wines in three clusters."""
    wines = {network: group_wines(framework, network) for network in EXACT} if name == "torch" else {}
    return {**run(framework, SingleRank(), folder), "wines": wines}


def create(
    framework: Framework, ranks: Ranks, network: str, row_shape: tuple[int, ...], num_clusters: int, optimizer: str
) -> Any:
    """An objective for rows of this shape."""
    framework.seed_process(SEED + ranks.rank, 1)
    options = dict(DEEP_OPTIONS) if network in DEEP else {}
    is_image = len(row_shape) == 3
    request = NetworkRequest(network, options, row_shape, "uint8" if is_image else "float32", 2 * num_clusters, 7)
    entry = ARCHITECTURES[network]
    assert entry.cluster is not None
    plan = entry.cluster(read_options(request, entry.options), prod(row_shape), 7)
    learned = ObjectiveRequest("clustering", clustering=plan, are_pixels=is_image, num_clusters=num_clusters)
    config = OptimizerConfig(name=optimizer, momentum=0.9 if optimizer == "sgd" else 0.0)
    return framework.create_objective(framework.build_network(request), config, ranks, learned)


def train_digits(framework: Framework, ranks: Ranks, folder: Path, network: str) -> list[dict[str, float]]:
    """Averages by epoch."""
    objective = create(framework, ranks, network, (8, 8, 1), 10, "sgd" if network in EXACT else "adam")
    objective.broadcast_state()
    shares = [take_share(batch, ranks.rank, ranks.size) for batch in make_global_batches(NUM_STEPS)]
    averages = []
    for epoch in range(1, NUM_EPOCHS + 1):
        objective.start_epoch(epoch)
        show_rows(objective, ranks, Shares(shares), epoch)
        steps = [objective.train_step(share, EXACT.get(network, 0.01)) for share in shares]
        objective.synchronize_statistics()
        names = sorted(steps[0])
        sums = ranks.sum(np.array([sum(step[name] for step in steps) for name in names]))
        totals = dict(zip(names, sums.tolist(), strict=True))
        averages.append({name: totals[name] / totals["weight"] for name in names if name != "weight"})
    np.save(folder / f"{network}.npy", objective.predict(read_digits()[0][:200]))
    return averages


def group_wines(framework: Framework, network: str) -> dict[str, float]:
    """Metrics of all wines after training on them."""
    rows, labels = read_wines()
    objective = create(framework, SingleRank(), network, rows.shape[1:], NUM_WINES, "adam")
    random = np.random.default_rng(SEED)
    for epoch in range(1, NUM_WINE_EPOCHS + 1):
        objective.start_epoch(epoch)
        objective.look_at(rows)
        for part in np.array_split(random.permutation(len(rows)), 11):
            weights = np.zeros(17, np.float32)
            weights[: len(part)] = 1
            padded = np.resize(part, 17)
            batch = Batch(rows[padded], labels[padded], weights, ("",) * 17)
            objective.train_step(batch, 0.01 * (1 + np.cos(np.pi * epoch / (NUM_WINE_EPOCHS + 1))))
    task = task_of(Target(task="clustering", column="", num_clusters=NUM_WINES))
    return task.measure(labels, task.predict(objective.predict(rows), TaskSettings()))


def read_wines() -> tuple[np.ndarray, np.ndarray]:
    """Standardised measurements float32 (178, 13), and cultivars int64 (178,)."""
    from sklearn.datasets import load_wine

    wines = load_wine()
    scaled = (wines.data - wines.data.mean(axis=0)) / wines.data.std(axis=0)
    return scaled.astype(np.float32), wines.target.astype(np.int64)
