"""P-values of many tests at once, so that a look at hundreds of columns does not cry wolf."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dbx_dl.errors import DataError


def adjust_p_values(p_values: Sequence[float | None]) -> tuple[float | None, ...]:
    """The p-values (N,) adjusted for all tests of the sequence, in its order; None, a test not made, stays None.

    After Benjamini and Hochberg, "Controlling the False Discovery Rate", 1995: of the tests whose adjusted p-value is
    at most q, the expected share of false alarms is at most q, where tests are independent or positively dependent
    (Benjamini and Yekutieli 2001); without any true finding, q is the probability that any fires. DataError for a
    p-value that is not between 0 and 1.
    """
    places = [place for place, p in enumerate(p_values) if p is not None]
    known = np.array([p_values[place] for place in places], dtype=np.float64)
    if not ((known >= 0) & (known <= 1)).all():
        wrong = known[~((known >= 0) & (known <= 1))][0]
        raise DataError(f"{wrong} is no p-value: give numbers from 0 to 1, and None where no test was made")
    order = np.argsort(known, kind="stable")
    scaled = known[order] * len(known) / np.arange(1, len(known) + 1)
    # The smallest from each rank on, so that a larger p-value never has a smaller adjusted one.
    ordered = np.minimum.accumulate(scaled[::-1])[::-1]
    adjusted: list[float | None] = [None] * len(p_values)
    for rank, place in enumerate(order):
        adjusted[places[place]] = float(ordered[rank])
    return tuple(adjusted)
