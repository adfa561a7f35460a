"""Batches of texts keep no more padding than their longest text needs, in a few lengths that networks see again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from dbx_dl.contracts import Batch

SHORTEST = 8


def trim_batch(batch: Batch) -> Batch:
    """The batch with ids (N, T) cut to the smallest of 8, 16, 32, … steps that holds its longest row.

    Networks give the same for any amount of padding, so ranks may cut to different lengths.
    """
    is_used = (batch.inputs != 0).any(axis=0)
    longest = int(np.flatnonzero(is_used).max(initial=0)) + 1
    length = SHORTEST
    while length < longest:
        length *= 2
    if length >= batch.inputs.shape[1]:
        return batch
    return replace(batch, inputs=np.ascontiguousarray(batch.inputs[:, :length]))
