"""Rows of like length go into the same step, so that batches of sequences hold little padding."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from dbx_dl.feed.shards import Share, training_rows
from dbx_dl.feed.shuffle import order_steps

if TYPE_CHECKING:
    from numpy.typing import NDArray


class LengthBuckets:
    """A rank's rows of an epoch, steps of like lengths.

    Of every `num_steps` consecutive steps each lane's rows are sorted by length and dealt out again, so that the first
    step gets the shortest row of each lane; then the steps are shuffled. Both are decided lane by lane and from the
    seed, so the global batches still do not depend on the number of ranks. A last step that is not full keeps its rows.
    """

    def __init__(
        self,
        share: Share,
        starts: NDArray[np.int64],
        num_steps: int,
        measure: Callable[[NDArray[np.int64]], NDArray[np.int64]],
        *,
        seed: int,
        epoch: int,
    ) -> None:
        """`measure` gives the lengths (N,) of rows at places (N,); `starts` are those of `start_lanes`."""
        self._share = share
        self._starts = starts
        self._num_steps = num_steps
        self._measure = measure
        self._num_full = share.num_rows // share.global_batch_size
        # A group of steps lies in one window or a few, and they come in order.
        self._arrange_window = lru_cache(maxsize=2)(lambda window: self._arrange(seed, epoch, window))

    def find_rows(self, steps: NDArray[np.int64]) -> NDArray[np.int64]:
        """Places (S, batch size) of steps (S,), PADDING after the last row."""
        rows = [
            self._arrange_window(step // self._num_steps)[step % self._num_steps]
            if step < self._num_full
            else training_rows(self._share, self._starts, step)
            for step in steps.tolist()
        ]
        return np.stack(rows)

    def _arrange(self, seed: int, epoch: int, window: int) -> NDArray[np.int64]:
        first = window * self._num_steps
        steps = np.arange(first, min(first + self._num_steps, self._num_full))
        rows_sb = training_rows(self._share, self._starts, steps[:, np.newaxis])
        rows, lanes = rows_sb.ravel(), self._find_lanes(steps).ravel()
        in_order, by_length = np.lexsort((rows, lanes)), np.lexsort((rows, self._measure(rows), lanes))
        dealt = np.empty_like(rows)
        dealt[in_order] = rows[by_length]
        return dealt.reshape(rows_sb.shape)[order_steps(len(steps), seed=seed, epoch=epoch, window=window)]

    def _find_lanes(self, steps: NDArray[np.int64]) -> NDArray[np.int64]:
        share = self._share
        positions = steps[:, np.newaxis] * share.global_batch_size + share.rank
        lanes: NDArray[np.int64] = (positions + share.num_ranks * np.arange(share.batch_size)) % len(self._starts)
        return lanes
