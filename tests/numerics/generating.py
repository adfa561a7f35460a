"""Adversarial training on digits: alone, over ranks, on from a checkpoint's arrays, and until images are alike."""

from __future__ import annotations

from typing import Any

import numpy as np

from dbx_dl.config import OptimizerConfig
from dbx_dl.contracts import Batch
from dbx_dl.frameworks.architectures.adversarial import GanOptions, request_discriminator
from dbx_dl.frameworks.interface import Framework, NetworkRequest, Objective, ObjectiveRequest, Ranks
from dbx_dl.frameworks.single_rank import SingleRank
from dbx_dl.tasks import TASKS, TaskSettings
from tests.numerics.digits import read_digits, take_share
from tests.numerics.training import SEED

NUM_TRAINED, BATCH_ROWS, NOISE_SIZE = 1400, 28, 16
OPTIONS = {"noise_size": NOISE_SIZE, "hidden_units": 64}


def run(framework: Framework, ranks: Ranks) -> dict[str, Any]:
    """Sums of 8 steps, and what ranks share after them, as numbers by name."""
    objective = create(framework, ranks, seed=SEED + ranks.rank)
    objective.broadcast_state()
    sums = take_steps(objective, ranks, 0, 8)
    objective.synchronize_statistics()
    return {"sums": sums, "state": sum_up(objective)}


def run_alone(framework: Framework) -> dict[str, Any]:
    """A seeded training, one that goes on from another's arrays, and how alike images are before and after."""
    whole, part = (create(framework, SingleRank(), seed) for seed in (SEED, SEED + 5))
    take_steps(whole, SingleRank(), 0, 3)
    state, noise = whole.read_state(), whole.read_noise()
    part.write_state(state)
    part.write_noise(noise)
    ends = []
    for objective in (whole, part):
        objective.write_noise(noise)
        take_steps(objective, SingleRank(), 3, 6)
        ends.append({name: array.tobytes().hex() for name, array in objective.read_state().items()})
    return {
        "seeded": run(framework, SingleRank()),
        "is_same_after_resume": ends[0] == ends[1],
        "distances": learn(framework),
    }


def create(framework: Framework, ranks: Ranks, seed: int = SEED) -> Objective:
    """An objective for digits."""
    framework.seed_process(seed, 1)
    network = framework.build_network(NetworkRequest("gan", dict(OPTIONS), (NOISE_SIZE,), "float32", 64, 7))
    adversary = request_discriminator(GanOptions.model_validate(OPTIONS), 64, 7)
    request = ObjectiveRequest("generation", adversary=adversary)
    return framework.create_objective(network, OptimizerConfig(), ranks, request)


def take_steps(objective: Objective, ranks: Ranks, first: int, last: int, rate: float = 1e-3) -> list[dict[str, float]]:
    """Steps on the rank's shares of batches in a shuffled order; their sums."""
    images, _ = read_images()
    order = np.random.default_rng(3).permutation(NUM_TRAINED)
    sums = []
    for step in range(first, last):
        rows = np.take(order, range(step * BATCH_ROWS, (step + 1) * BATCH_ROWS), mode="wrap")
        noise = np.zeros((BATCH_ROWS, NOISE_SIZE), np.float32)
        whole = Batch(noise, images[rows], np.ones(BATCH_ROWS, np.float32), tuple(map(str, rows)))
        sums.append(objective.train_step(take_share(whole, ranks.rank, ranks.size), rate))
    return sums


def learn(framework: Framework) -> list[float]:
    """The energy distance of generated digits from new ones, before and after 8 epochs."""
    objective = create(framework, SingleRank())
    noise = np.random.default_rng(1).normal(size=(397, NOISE_SIZE)).astype(np.float32)
    task, (_, new) = TASKS["generation"], read_images()
    found = []
    for _ in range(2):
        made = task.predict(objective.predict(noise), TaskSettings())
        found.append(task.measure(new, made)["energy_distance"])
        if not found[1:]:
            take_steps(objective, SingleRank(), 0, 8 * NUM_TRAINED // BATCH_ROWS, rate=2e-3)
    return found


def read_images() -> tuple[np.ndarray, np.ndarray]:
    """Pixels / 255, float32 (1400, 64) to train on and (397, 64) others."""
    rows = read_digits()[0].reshape(-1, 64).astype(np.float32) / 255
    return rows[:NUM_TRAINED], rows[NUM_TRAINED:]


def sum_up(objective: Objective) -> dict[str, float]:
    """The sum of every array of the state."""
    return {name: float(array.astype(np.float64).sum()) for name, array in objective.read_state().items()}
