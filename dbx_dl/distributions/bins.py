"""Where numbers are cut into bins and which values of categories are counted, and the counting itself."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Shares of the rows at whose quantiles numbers are cut.
EDGE_SHARES = tuple(round(step / 50, 2) for step in range(1, 50))
# Of columns of more values those are counted that are frequent enough to be the same ones in another sample.
MAX_VALUES, MAX_FREQUENT, FREQUENT_ROWS = 100, 50, 30


def choose_edges(quantiles: Sequence[float], minimum: float | None, maximum: float | None) -> tuple[float, ...]:
    """Rising edges of bins at the quantiles, the minimum, the maximum and right behind it; none without values.

    So the first bin is below, and the last one above, all values that there were.
    """
    if minimum is None or maximum is None:
        return ()
    places = {float(place) + 0.0 for place in (minimum, *quantiles, maximum)}
    beyond = math.nextafter(maximum, math.inf)
    return tuple(sorted(places | ({beyond} if math.isfinite(beyond) else set())))


def choose_values(counts: Sequence[tuple[str, int]], *, is_complete: bool) -> tuple[tuple[str, ...], bool]:
    """Of a column's most frequent values with their counts, those to count, and whether there are no others.

    `is_complete` says that these are all. Up to MAX_VALUES of all values; of more, the most frequent MAX_FREQUENT with
    FREQUENT_ROWS rows: rarer ones would be frequent in one sample by chance and not in the next.
    """
    if is_complete and len(counts) <= MAX_VALUES:
        return tuple(value for value, _ in counts), True
    frequent = [value for value, rows in counts[:MAX_FREQUENT] if rows >= FREQUENT_ROWS]
    return tuple(frequent), False


def bin_numbers(numbers: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.int64]:
    """The bin int64 (N,) of each number, -1 for NaN and infinities; bin i is from edges[i - 1] on, below edges[i]."""
    found = np.searchsorted(edges, numbers, side="right")
    return np.where(np.isfinite(numbers), found, -1)


def count_numbers(numbers: NDArray[np.float64], edges: Sequence[float]) -> tuple[tuple[int, ...], int]:
    """Numbers by bin, and how many of them are NaN or infinite."""
    bins = bin_numbers(np.asarray(numbers, np.float64), np.array(edges, np.float64))
    counts = np.bincount(bins + 1, minlength=len(edges) + 2)
    return tuple(map(int, counts[1:])), int(counts[0])
