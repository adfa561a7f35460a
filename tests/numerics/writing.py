"""Sequences in each framework: what is written from the same weights, what that costs, and texts learned backwards."""

from __future__ import annotations

from typing import Any

import numpy as np

from dbx_dl.config import OptimizerConfig
from dbx_dl.contracts import Batch
from dbx_dl.frameworks.interface import Framework, NetworkRequest, Objective, ObjectiveRequest
from dbx_dl.frameworks.single_rank import SingleRank
from tests.numerics.architectures import fill_keras, fill_torch

NUM_STEPS, NUM_IDS, NUM_ROWS, NUM_TRAINED = 4, 9, 16, 20
# Rows with three tokens have an end as well, those with four have no room for it.
LENGTHS = np.arange(NUM_ROWS) % 5
NETWORK = NetworkRequest(
    "encoder_decoder",
    {"units": 12, "embedding_width": 8},
    (NUM_STEPS,),
    "int32",
    2 * NUM_STEPS,
    5,
    num_tokens=NUM_IDS,
    num_words=NUM_IDS,
)


def run_alone(name: str, framework: Framework) -> dict[str, Any]:
    """Outputs (N, 2 T), the loss of these as the truth, and losses and outputs of a short training with SGD."""
    framework.seed_process(5, 1)
    network = framework.build_network(NETWORK)
    (fill_keras if name == "keras" else fill_torch)(network)
    request = ObjectiveRequest("sequence")
    objective = framework.create_objective(network, OptimizerConfig(name="sgd"), SingleRank(), request)
    inputs, labels = make_rows()
    written = objective.predict(inputs)
    own_ids = written[:, :NUM_STEPS].astype(np.int64)
    weights = np.linspace(0, 2, NUM_ROWS).astype(np.float32)
    first = compute_loss(objective, inputs, own_ids, weights)
    of_truth = [compute_loss(objective, inputs[row : row + 1], labels[row : row + 1]) for row in range(NUM_ROWS)]
    losses = [step(objective, inputs, labels, None, 0.5) for _ in range(NUM_TRAINED)]
    outputs = objective.predict(inputs)
    attention = objective.attend(inputs)  # type: ignore[attr-defined]
    return {
        "written": written.tolist(),
        "own_loss": first,
        "losses_of_truth": of_truth,
        "losses": losses,
        "trained": outputs.tolist(),
        "attention": attention.tolist(),
    }


def make_rows() -> tuple[np.ndarray, np.ndarray]:
    """Ids int32 (N, T) of texts, and int64 (N, T) of the same backwards."""
    ids = np.random.default_rng(3).integers(1, NUM_IDS, (NUM_ROWS, NUM_STEPS))
    inputs, labels = np.zeros((2, NUM_ROWS, NUM_STEPS), np.int64)
    for row, length in enumerate(LENGTHS):
        inputs[row, :length], labels[row, :length] = ids[row, :length], ids[row, :length][::-1]
    return inputs.astype(np.int32), labels


def compute_loss(objective: Objective, inputs: np.ndarray, labels: np.ndarray, weights: Any = None) -> float:
    """The loss, with which nothing is learned."""
    return step(objective, inputs, labels, weights, 0.0)


def step(objective: Objective, inputs: np.ndarray, labels: np.ndarray, weights: Any, rate: float) -> float:
    """One step's weighted sum of losses."""
    weights = np.ones(len(inputs), np.float32) if weights is None else weights
    return objective.train_step(Batch(inputs, labels, weights, ("",) * len(inputs)), rate)["loss"]
