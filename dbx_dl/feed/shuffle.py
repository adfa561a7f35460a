"""The seeded order of an epoch: blocks shuffled, then rows inside bounded windows; same seed, same order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BLOCKS, _LANES, _ROWS, _STEPS = range(4)
# Windows of up to so many rows are put side by side and looked up in one go, which spares a call for each.
_ROWS_AT_ONCE = 2**20


class RowOrder:
    """Maps places in an order of rows to (block, row in block).

    With an epoch, blocks are shuffled and the rows of every `window_rows` consecutive places among each other, so a
    table of at most that many rows is shuffled uniformly; without one, it is the stored order.
    """

    def __init__(
        self, block_rows: Sequence[int], *, seed: int, epoch: int | None, window_rows: int, num_cached: int = 130
    ) -> None:
        rows = np.asarray(block_rows, dtype=np.int64)
        self.num_rows = int(rows.sum())
        self._blocks = np.arange(len(rows)) if epoch is None else _draw(seed, epoch, _BLOCKS, 0, len(rows))
        self._ends = np.cumsum(rows[self._blocks])
        self._starts = self._ends - rows[self._blocks]
        self._window_rows = window_rows
        self._is_shuffled = epoch is not None
        # A rank walks over all its lanes at once, and each of them is inside one window.
        self._draw_window = lru_cache(maxsize=num_cached)(lambda window: self._permute(seed, epoch or 0, window))

    def locate(self, places: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Block number and row in block, int64 (N,) each, for places int64 (N,) in [0, num_rows)."""
        if self._is_shuffled and len(places):
            places = self._shuffle(places)
        positions = np.searchsorted(self._ends, places, side="right")
        # Unlike indexing, `take` lets other threads run.
        return self._blocks.take(positions), places - self._starts.take(positions)

    def _shuffle(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        windows = places // self._window_rows
        offsets = places - windows * self._window_rows
        first = int(windows.min())
        windows -= first
        present = np.flatnonzero(np.bincount(windows))
        draws = [self._draw_window(first + window) for window in present.tolist()]
        if len(draws) * self._window_rows <= _ROWS_AT_ONCE:
            starts = np.zeros(present[-1] + 1, dtype=np.int64)
            starts[present] = np.cumsum([0, *map(len, draws[:-1])])
            drawn = np.concatenate(draws).take(starts.take(windows) + offsets)
        else:
            drawn = np.empty_like(places)
            for draw, (_, at) in zip(draws, group_places(windows), strict=True):
                drawn[at] = draw.take(offsets[at])
        shuffled: NDArray[np.int64] = places - offsets + drawn
        return shuffled

    def _permute(self, seed: int, epoch: int, window: int) -> NDArray[np.int64]:
        size = min(self._window_rows, self.num_rows - window * self._window_rows)
        return _draw(seed, epoch, _ROWS, window, size).astype(np.min_scalar_type(size))


def group_places(numbers: NDArray[np.int64]) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """(number, where it stands, int64 (n,)) for every number that occurs, in their order."""
    if not len(numbers):
        return
    offsets = numbers - numbers.min()
    # NumPy sorts 8 and 16 bits by counting, several times faster.
    ordered = np.argsort(offsets.astype(np.min_scalar_type(offsets.max())), kind="stable")
    starts = [0, *(np.flatnonzero(np.diff(numbers[ordered])) + 1).tolist(), len(numbers)]
    for start, end in pairwise(starts):
        yield int(numbers[ordered[start]]), ordered[start:end]


def order_lanes(num_lanes: int, *, seed: int, epoch: int) -> NDArray[np.int64]:
    """A seeded order of the lanes, so that a step over half of them is no half of a sorted table."""
    return _draw(seed, epoch, _LANES, 0, num_lanes)


def order_steps(num_steps: int, *, seed: int, epoch: int, window: int) -> NDArray[np.int64]:
    """A seeded order of the steps of a window."""
    return _draw(seed, epoch, _STEPS, window, num_steps)


def _draw(seed: int, epoch: int, purpose: int, number: int, size: int) -> NDArray[np.int64]:
    entropy = [seed % 2**64, epoch, purpose, number]
    return np.random.default_rng(np.random.SeedSequence(entropy)).permutation(size).astype(np.int64)
