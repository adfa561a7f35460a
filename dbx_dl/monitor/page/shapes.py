"""Counts by bin or value become the bars of a picture, a baseline's and a window's on the same places."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dbx_dl.contracts import Distribution

NUM_BARS = 28
MAX_VALUES = 10
OTHER, NULL = "(other)", "(null)"
# So much of both sides lies within the picture's range; what is beyond is in its first and last bar.
_WITHIN = 0.995


@dataclass(frozen=True)
class NumberBars:
    """Shares of all values in bars of one width between `edges` (N + 1,): of the baseline (N,) and the window (N,)."""

    edges: NDArray[np.float64]
    baseline: NDArray[np.float64]
    window: NDArray[np.float64]


@dataclass(frozen=True)
class ValueBars:
    """Shares of all rows by value, the most frequent ones first, then the others and nulls where there are some."""

    names: tuple[str, ...]
    baseline: tuple[float, ...]
    window: tuple[float, ...]


def shape_numbers(baseline: Distribution, window: Distribution) -> NumberBars | None:
    """Bars of equal width; within a bin values are taken as evenly spread. None where there is nothing to draw."""
    import numpy as np

    sides = [_accumulate(each) for each in (baseline, window) if each.num_values and each.edges]
    if len(sides) < 2:
        return None
    low = min(float(np.interp(1 - _WITHIN, shares, places)) for places, shares in sides)
    high = max(float(np.interp(_WITHIN, shares, places)) for places, shares in sides)
    if not low < high:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, NUM_BARS + 1)
    drawn = []
    for places, shares in sides:
        reached = np.interp(edges, places, shares)
        reached[0], reached[-1] = 0.0, 1.0
        drawn.append(np.diff(reached))
    return NumberBars(edges, *drawn)


def _accumulate(counted: Distribution) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Places in order (N,), and the share of values below each (N,), from 0 to 1.

    The open first and last bin end at the least and greatest value, where these are known and lie beyond their edge;
    else they are as wide as the bin beside them.
    """
    import numpy as np

    edges = np.asarray(counted.edges, np.float64)
    width_first, width_last = (edges[1] - edges[0], edges[-1] - edges[-2]) if len(edges) > 1 else (1.0, 1.0)
    first = edges[0] - width_first if counted.minimum is None else min(counted.minimum, edges[0])
    last = edges[-1] + width_last if counted.maximum is None else max(counted.maximum, edges[-1])
    counts = np.asarray(counted.counts, np.float64)
    return np.concatenate([[first], edges, [last]]), np.concatenate([[0.0], np.cumsum(counts) / counts.sum()])


def shape_values(baseline: Distribution, window: Distribution) -> ValueBars | None:
    """The MAX_VALUES values with the largest share on either side; None where a side has no rows."""
    sides = [_list_shares(each) for each in (baseline, window) if each.num_rows]
    if len(sides) < 2:
        return None
    one, two = sides
    names = [name for name in {**one, **two} if name not in (OTHER, NULL)]
    names.sort(key=lambda name: -max(one.get(name, 0.0), two.get(name, 0.0)))
    kept, rest = names[:MAX_VALUES], names[MAX_VALUES:]
    for shares in sides:
        shares[OTHER] = shares.get(OTHER, 0.0) + sum(shares.get(name, 0.0) for name in rest)
    kept += [name for name in (OTHER, NULL) if one.get(name) or two.get(name)]
    return ValueBars(tuple(kept), *(tuple(shares.get(name, 0.0) for name in kept) for shares in sides))


def _list_shares(counted: Distribution) -> dict[str, float]:
    shares = {name: count / counted.num_rows for name, count in zip(counted.values, counted.counts, strict=False)}
    shares[OTHER] = shares.get(OTHER, 0.0) + counted.counts[-1] / counted.num_rows
    shares[NULL] = shares.get(NULL, 0.0) + counted.num_nulls / counted.num_rows
    return shares
