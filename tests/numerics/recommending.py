"""Losses of items in each framework for the same logits, and networks that learn from seeds which item comes next."""

from __future__ import annotations

from typing import Any

import numpy as np

from dbx_dl.config import OptimizerConfig
from dbx_dl.contracts import Batch, Ranking
from dbx_dl.frameworks.interface import Catalog, Framework, NetworkRequest, ObjectiveRequest
from dbx_dl.frameworks.single_rank import SingleRank
from tests.numerics.locating import compute_losses

NUM_ITEMS, MAX_LENGTH, NUM_USERS = 9, 6, 40
# So many draws that their mean is near what they are drawn from.
MANY = 10_000
RANKING = Ranking(top_k=3)
CATALOG = Catalog(1, 1 + NUM_USERS, True)
LOSSES = (None, "sampled_softmax", "bpr")
NUM_STEPS, BATCH_ROWS = 60, 32


def run_alone(name: str, framework: Framework) -> dict[str, Any]:
    """Losses and gradients of `make_logits`; losses of equal and of resumed trainings; a network that reads orders."""
    found: dict[str, Any] = {}
    for loss in LOSSES:
        request = ObjectiveRequest("recommendation", loss=loss, negatives=MANY, ranking=RANKING)
        framework.seed_process(3, 1)
        found[str(loss)] = compute_losses(name, request, *make_logits())
    return {"losses": found, "drawn": train_twice(framework), "gru": train(framework)}


def make_logits() -> tuple[np.ndarray, np.ndarray]:
    """Logits float32 (5, I), in the last two rows with items that are masked, and labels that are not."""
    logits = np.random.default_rng(2).normal(0, 1.5, (5, NUM_ITEMS)).astype(np.float32)
    logits[3:, 1:4] = -1e4
    return logits, np.array([0, 8, 3, 0, 5])


def make_batch(seed: int, num_rows: int = BATCH_ROWS) -> Batch:
    """Rows in which each item follows the one before, in a circle; newest first, as histories are encoded."""
    random = np.random.default_rng(seed)
    starts, lengths = random.integers(0, NUM_ITEMS, num_rows), random.integers(1, MAX_LENGTH + 1, num_rows)
    newest = (starts + lengths - 1) % NUM_ITEMS
    items = (newest[:, None] - np.arange(MAX_LENGTH)) % NUM_ITEMS + 2
    items = np.where(np.arange(MAX_LENGTH) < lengths[:, None], items, 0)
    users = random.integers(0, 1 + NUM_USERS, (num_rows, 1))
    inputs = np.concatenate([users, items], axis=1).astype(np.int32)
    return Batch(inputs, (newest + 1) % NUM_ITEMS, np.ones(num_rows, np.float32), ("",) * num_rows)


def create(framework: Framework, loss: str | None, network: str) -> Any:
    """An objective with a network of its own."""
    framework.seed_process(7, 1)
    options: dict[str, Any] = {"width": 16} if network == "two_tower" else {"units": 16, "embedding_width": 16}
    request = NetworkRequest(
        network, options, (1 + MAX_LENGTH,), "int32", NUM_ITEMS, 5, num_tokens=NUM_ITEMS + 2, catalog=CATALOG
    )
    learned = ObjectiveRequest("recommendation", loss=loss, negatives=4, ranking=RANKING)
    return framework.create_objective(framework.build_network(request), OptimizerConfig(), SingleRank(), learned)


def train(framework: Framework) -> dict[str, Any]:
    """Losses per row, and metrics of new rows after them."""
    objective = create(framework, None, "gru")
    losses = [step(objective, number) for number in range(NUM_STEPS)]
    new = make_batch(999, 200)
    measured = objective.measures.measure(objective.measures.observe(new, objective.predict(new.inputs)))
    return {"losses": losses, **measured}


def train_twice(framework: Framework) -> dict[str, list[float]]:
    """Losses of ten steps; of five from the same seed; and of the last five once more, from a kept state and noise."""
    objective = create(framework, "bpr", "two_tower")
    first = [step(objective, number) for number in range(5)]
    state, noise = objective.read_state(), objective.read_noise()
    first += [step(objective, number) for number in range(5, 10)]
    other = create(framework, "bpr", "two_tower")
    seeded = [step(other, number) for number in range(5)]
    for number in range(3):
        step(other, number)
    other.write_state(state)
    other.write_noise(noise)
    return {"first": first, "seeded": seeded, "resumed": [step(other, number) for number in range(5, 10)]}


def step(objective: Any, number: int) -> float:
    """The loss per row of a step."""
    sums = objective.train_step(make_batch(number), 0.01)
    return float(sums["loss"] / sums["weight"])
