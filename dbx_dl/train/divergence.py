"""Stops training whose loss is no use any more, and says at which step and on which rows of which rank."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from dbx_dl.contracts import Batch
from dbx_dl.errors import RankFailedError

if TYPE_CHECKING:
    from dbx_dl.train.checkpoints import LoopState

_NUM_NAMED = 3
_NUM_NOTED = 1000


def check_loss(
    state: LoopState, batch: Batch, sums: Mapping[str, float], learning_rate: float, max_growth: float | None
) -> None:
    """RankFailedError when this rank's loss of a step is not finite or has grown beyond measure.

    It is the loss before any averaging over ranks, so only the rank whose rows are to blame says so; the others notice
    that it is gone. Finite mean losses are compared with the lowest one of a step so far, or with 1 where that is less.
    The error names the rows with the most extreme inputs, and as a note all of the batch.
    """
    if not math.isfinite(sums["loss"]):
        _stop(f"the loss became {sums['loss']}", "", state, batch, learning_rate)
    if max_growth is None or not sums["weight"] > 0:
        return
    mean = sums["loss"] / sums["weight"]
    lowest = mean if state.lowest_loss is None else state.lowest_loss
    if mean > max_growth * max(1.0, abs(lowest)):
        hint = f", or raise train.max_loss_growth ({max_growth:g})"
        _stop(f"the loss grew from {lowest:g} to {mean:g}", hint, state, batch, learning_rate)
    state.lowest_loss = min(lowest, mean)


def _stop(problem: str, hint: str, state: LoopState, batch: Batch, learning_rate: float) -> None:
    place = f"in epoch {state.epoch}, step {state.step + 1}, at learning rate {learning_rate:g}"
    error = RankFailedError(
        f"{problem} {place} ({_describe_rows(batch)}): lower optimizer.learning_rate, add warm-up, or look for extreme "
        f"inputs{hint}"
    )
    keys = [key for key in batch.keys if key]
    more = f", and {len(keys) - _NUM_NOTED} more" if len(keys) > _NUM_NOTED else ""
    error.add_note(f"the batch's rows: {', '.join(keys[:_NUM_NOTED])}{more}")
    raise error


def _describe_rows(batch: Batch) -> str:
    """The few rows to look at first: those that are not finite, else those with the largest inputs."""
    is_row = np.asarray(batch.is_row)
    sizes = _measure_sizes(batch)
    order = [row for row in np.argsort(-sizes, kind="stable") if is_row[row]]
    odd = [row for row in order if np.isinf(sizes[row])]
    named = ", ".join(batch.keys[row] for row in (odd or order)[:_NUM_NAMED])
    if odd:
        return f"{len(odd)} of {len(order)} rows are not finite: {named}"
    return f"rows {named}, ..." if len(order) > _NUM_NAMED else f"rows {named}"


def _measure_sizes(batch: Batch) -> np.ndarray:
    """Each row's largest input, (N,); infinite where an input or a label is not finite."""
    num_rows = len(batch.weights)
    inputs, labels = (np.reshape(values, (num_rows, -1)) for values in (batch.inputs, batch.labels))
    is_finite = np.isfinite(inputs).all(axis=1) & np.isfinite(labels).all(axis=1)
    if not np.issubdtype(inputs.dtype, np.floating):
        return np.where(is_finite, 0.0, np.inf)
    largest = np.abs(np.nan_to_num(inputs.astype(np.float64))).max(axis=1, initial=0.0)
    return np.where(is_finite, largest, np.inf)
