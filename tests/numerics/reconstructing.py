"""Networks that learn what digits are like: from the same weights everywhere, from seeds, until they know digits."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from dbx_dl.config import OptimizerConfig
from dbx_dl.contracts import Batch
from dbx_dl.frameworks.architectures import ARCHITECTURES
from dbx_dl.frameworks.architectures.architecture import read_options
from dbx_dl.frameworks.interface import (
    Framework,
    NetworkRequest,
    Objective,
    ObjectiveRequest,
    Penalty,
    Pretraining,
    Ranks,
)
from dbx_dl.frameworks.single_rank import SingleRank
from dbx_dl.tasks import TASKS, TaskSettings
from tests.numerics.digits import make_global_batches, read_digits, take_share
from tests.numerics.training import NUM_STEPS, SEED, load_same_weights

EXACT = {"autoencoder": {}, "sparse_autoencoder": {"sparsity_weight": 0.5}}
RANDOM: dict[str, dict[str, Any]] = {"denoising_autoencoder": {"noise": 0.1}, "variational_autoencoder": {}}
PENALTIES = (Penalty("standard_normal", "", 2.0), Penalty("sparsity", "", 0.5, 0.1))
NUM_TRAINED = 1400


def run(name: str, framework: Framework, ranks: Ranks, folder: Path) -> dict[str, Any]:
    """Sums of 20 steps from the same weights, by network; the weights after them go to `folder`."""
    sums = {network: train_from_same(name, framework, ranks, folder / network, network) for network in EXACT}
    return {**sums, "belief": train_belief(framework, ranks, folder)}


def run_alone(name: str, framework: Framework, folder: Path) -> dict[str, Any]:
    """The same with one rank; seeded trainings, twice; penalties; how well anomalies are told from digits."""
    return {
        **run(name, framework, SingleRank(), folder),
        "seeded": {network: [train_seeded(framework, network) for _ in range(2)] for network in RANDOM},
        "penalties": compute_penalties(name),
        "auc": rank_shuffled(framework),
    }


def create(framework: Framework, network: str, options: dict[str, Any], optimizer: dict[str, Any], ranks: Ranks) -> Any:
    """An objective for digits; smooth, see `digits.request_smooth`."""
    framework.seed_process(SEED, 1)
    options = {"activation": "tanh", "hidden_units": 32, **options}
    request = NetworkRequest(network, options, (8, 8, 1), "uint8", 2 * 64, 7)
    entry = ARCHITECTURES[network]
    penalty = None if entry.penalize is None else entry.penalize(read_options(request, entry.options))
    learned = ObjectiveRequest("reconstruction", penalty=penalty, are_pixels=True)
    built = framework.build_network(request)
    return framework.create_objective(built, OptimizerConfig(**optimizer), ranks, learned)


def train_from_same(
    name: str, framework: Framework, ranks: Ranks, folder: Path, network: str
) -> list[dict[str, float]]:
    """The sums of every step."""
    folder.mkdir(parents=True)
    objective: Objective = create(framework, network, EXACT[network], {"name": "sgd", "momentum": 0.9}, ranks)
    load_same_weights(name, framework, objective, folder)
    objective.broadcast_state()
    shares = [take_share(batch, ranks.rank, ranks.size) for batch in make_global_batches(NUM_STEPS)]
    sums = [objective.train_step(share, 1.0) for share in shares]
    objective.save_weights(folder / f"trained{framework.weights_suffix}")
    return sums


def train_seeded(framework: Framework, network: str) -> list[float]:
    """Losses per row of Adam steps."""
    objective: Objective = create(framework, network, RANDOM[network], {"name": "adam"}, SingleRank())
    sums = [objective.train_step(batch, 5e-3) for batch in make_global_batches(NUM_STEPS)]
    return [step["loss"] / step["weight"] for step in sums]


def train_belief(framework: Framework, ranks: Ranks, folder: Path) -> dict[str, list[float]]:
    """Averages by epoch of a deep belief network's global sums; its weights go to `<folder>/belief`."""
    framework.seed_process(SEED + ranks.rank, 1)
    options = {"hidden_units": 32, "pretraining_epochs": 3}
    request = NetworkRequest("deep_belief_network", options, (8, 8, 1), "uint8", 10, 7)
    plan = Pretraining(("dense_1", "dense_2"), 3, 1)
    learned = ObjectiveRequest(pretraining=plan, are_pixels=True)
    objective = framework.create_objective(framework.build_network(request), OptimizerConfig(), ranks, learned)
    objective.broadcast_state()
    averages: dict[str, list[float]] = {}
    for epoch in range(1, 13):
        objective.start_epoch(epoch)
        steps = [
            objective.train_step(take_share(batch, ranks.rank, ranks.size), 1e-2) for batch in make_global_batches(20)
        ]
        objective.synchronize_statistics()
        for name in steps[0]:
            total, weight = ranks.sum(np.array([sum(step[key] for step in steps) for key in (name, "weight")]))
            averages.setdefault(name, []).append(float(total / weight))
    folder.mkdir(parents=True, exist_ok=True)
    objective.save_weights(folder / f"belief{framework.weights_suffix}")
    return averages


def compute_penalties(name: str) -> list[float]:
    """Each penalty of the same values; `test_reconstruction` computes them by hand."""
    sum_penalty = import_module(f"dbx_dl.frameworks.{name}.losses.penalties").sum_penalty
    values, weights = make_values()
    if name == "torch":
        import torch

        values, weights = torch.from_numpy(values), torch.from_numpy(weights)
    return [float(sum_penalty(penalty, values, weights, 5, SingleRank())) for penalty in PENALTIES]


def make_values() -> tuple[np.ndarray, np.ndarray]:
    """Values between 0 and 1, float32 (7, 6), and weights of rows."""
    random = np.random.default_rng(8)
    return random.uniform(size=(7, 6)).astype(np.float32), np.array([1, 2, 0, 1, 0.5, 1, 1], np.float32)


def rank_shuffled(framework: Framework) -> float:
    """How likely a new digit whose pixels were shuffled has a higher anomaly score than one as it is (1 is best)."""
    objective: Objective = create(framework, "autoencoder", {}, {"name": "adam"}, SingleRank())
    pixels, labels = read_digits()
    random = np.random.default_rng(2)
    for _ in range(4):
        for rows in np.split(random.permutation(NUM_TRAINED), NUM_TRAINED // 28):
            keys = tuple(map(str, rows))
            objective.train_step(Batch(pixels[rows], labels[rows], np.ones(len(rows), np.float32), keys), 5e-3)
    new = pixels[NUM_TRAINED:]
    shuffled = random.permuted(new.reshape(len(new), -1), axis=1).reshape(new.shape)
    usual, unusual = (score(objective.predict(rows)) for rows in (new, shuffled))
    return float((usual[:, None] < unusual).mean())


def score(outputs: np.ndarray) -> np.ndarray:
    """Each row's anomaly score, (N,)."""
    return np.asarray(TASKS["reconstruction"].predict(outputs, TaskSettings(are_pixels=True))[:, 0])
