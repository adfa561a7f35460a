"""The batches that the numerics tests train on: scikit-learn's digits as uint8 images, some rows with less weight."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dbx_dl.contracts import Batch
from dbx_dl.frameworks.interface import NetworkRequest

GLOBAL_BATCH_ROWS = 32


def request_convnet(dropout: float = 0.0, seed: int = 7) -> NetworkRequest:
    """The convolutional network for digits."""
    return NetworkRequest("convnet", {"dropout": dropout}, (8, 8, 1), "uint8", 10, seed)


def request_smooth(framework: str, num_outputs: int = 10) -> NetworkRequest:
    """A network whose gradient is continuous, for runs that are compared step by step.

    With relu or max pooling, two sums of the same numbers in another order sooner or later fall on two sides of a kink
    (seen with `convnet` after 5 and 12 steps), where the gradient jumps: in float32 such runs drift apart by 1e-3.
    """
    return NetworkRequest(f"tests.numerics.{framework}_networks:build_smooth", {}, (8, 8, 1), "uint8", num_outputs, 7)


def request_normalized(framework: str) -> NetworkRequest:
    """The same with batch-norm."""
    return NetworkRequest(f"tests.numerics.{framework}_networks:build_normalized", {}, (8, 8, 1), "uint8", 10, 7)


def read_digits() -> tuple[np.ndarray, np.ndarray]:
    """uint8 pixels (1797, 8, 8, 1) in 0..240 and labels int64 (1797,)."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    return (digits.images * 15).astype(np.uint8)[..., None], digits.target.astype(np.int64)


def make_global_batches(num_steps: int) -> list[Batch]:
    """Batches of 32 rows; the last two are uneven: padding rows of weight 0 at the end, and half weights."""
    pixels, labels = read_digits()
    batches = []
    for step in range(num_steps):
        rows = slice(step * GLOBAL_BATCH_ROWS, (step + 1) * GLOBAL_BATCH_ROWS)
        weights = np.ones(GLOBAL_BATCH_ROWS, np.float32)
        if step >= num_steps - 2:
            weights[20:], weights[3:6] = 0.0, 0.5
        keys = tuple(str(row) for row in range(rows.start, rows.stop))
        batches.append(Batch(pixels[rows], labels[rows], weights, keys))
    return batches


def label_for(task: str, batch: Batch) -> Batch:
    """The batch with a digit's label as another task has it: its four bits, or the digit as a number."""
    if task in ("binary", "multiclass"):
        return batch
    bits = (batch.labels[:, None] >> np.arange(4)) & 1
    labels = bits if task == "multilabel" else batch.labels
    return replace(batch, labels=labels.astype(np.float32))


def take_share(batch: Batch, rank: int, num_ranks: int) -> Batch:
    """A rank's contiguous share of a global batch: with two ranks the second one gets all the padding."""
    num_rows = len(batch.labels) // num_ranks
    rows = slice(rank * num_rows, (rank + 1) * num_rows)
    return Batch(batch.inputs[rows], batch.labels[rows], batch.weights[rows], batch.keys[rows])
