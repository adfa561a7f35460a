"""Batches of texts keep no more padding than their longest text needs, in a few lengths that networks see again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dbx_dl.contracts import Batch

SHORTEST = 8


def count_used_steps(inputs: np.ndarray) -> NDArray[np.int64]:
    """For rows (N, T, ...), how many steps int64 (N,) each has before its padding, which is zeros."""
    is_used = (inputs != 0).reshape(*inputs.shape[:2], -1).any(axis=2)
    found: NDArray[np.int64] = np.where(is_used.any(axis=1), is_used.shape[1] - is_used[:, ::-1].argmax(axis=1), 0)
    return found


def trim_batch(batch: Batch) -> Batch:
    """The batch with ids (N, T) cut to the smallest of 8, 16, 32, … steps that holds its longest row.

    Networks give the same for any amount of padding, so ranks may cut to different lengths.
    """
    longest = int(count_used_steps(batch.inputs).max(initial=1))
    length = SHORTEST
    while length < longest:
        length *= 2
    if length >= batch.inputs.shape[1]:
        return batch
    return replace(batch, inputs=np.ascontiguousarray(batch.inputs[:, :length]))
