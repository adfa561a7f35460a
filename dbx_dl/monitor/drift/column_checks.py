"""Drift of one column of numbers or categories: its counts in a window beside those of the baseline."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from dbx_dl.metrics.divergences import (
    expect_jensen_shannon,
    expect_stability,
    jensen_shannon,
    kolmogorov_distance,
    population_stability,
    wasserstein,
)
from dbx_dl.metrics.two_samples import (
    LEAST_EXPECTED,
    homogeneity_p_value,
    kolmogorov_p_value,
    merge_rare,
    share_p_value,
)
from dbx_dl.monitor.drift.check import Check, share_bounds

if TYPE_CHECKING:
    from dbx_dl.config import DriftConfig
    from dbx_dl.contracts import Distribution

# The index is one of about ten bins by custom, and its limits are; edges are at every fiftieth.
_MAX_BINS = 12
_MAX_CHARACTERS = 40


def check_column(baseline: Distribution, window: Distribution, config: DriftConfig) -> list[Check]:
    """All figures of a column, whose counts are in the same bins; those that cannot be told have no value."""
    checks = [_check_nulls(baseline, window, config)]
    if baseline.num_values and window.num_values:
        check = _check_numbers if baseline.kind == "number" else _check_categories
        checks += check(baseline, window, config)
    return checks


def _check_nulls(baseline: Distribution, window: Distribution, config: DriftConfig) -> Check:
    counts = (baseline.num_nulls, baseline.num_rows, window.num_nulls, window.num_rows)
    shares = [nulls / max(1, rows) for nulls, rows in (counts[:2], counts[2:])]
    low, high = share_bounds(*counts[2:])
    return Check(
        column=baseline.name,
        metric="null_share",
        value=shares[1],
        low=low,
        high=high,
        num_rows=window.num_rows,
        num_baseline=baseline.num_rows,
        baseline=shares[0],
        limit=_bound(shares[0], shares[1], config.null_share),
        effect=abs(shares[1] - shares[0]),
        least_effect=config.null_share,
        p_value=share_p_value(*counts),
    )


def _check_numbers(baseline: Distribution, window: Distribution, config: DriftConfig) -> list[Check]:
    n, m = window.num_values, baseline.num_values
    distance = kolmogorov_distance(baseline.counts, window.counts)
    p_value = kolmogorov_p_value(distance, m, n)
    checks = [
        _check_stability(baseline, window, config),
        _make_check(baseline, window, "kolmogorov_smirnov", distance, config.kolmogorov_smirnov, p_value),
    ]
    if baseline.deviation:
        # Both ask whether the distributions are the same; how far the values moved is another measure of how much.
        moved = _measure_move(baseline, window) / baseline.deviation
        checks.append(_make_check(baseline, window, "wasserstein", moved, config.wasserstein, p_value))
    return [*checks, *_tell_numbers(baseline, window, config)]


def _tell_numbers(baseline: Distribution, window: Distribution, config: DriftConfig) -> list[Check]:
    n, m = window.num_values, baseline.num_values
    outside = window.counts[0] + window.counts[-1]
    low, high = share_bounds(outside, n)
    limit = 2 / (m + 1) + config.unseen_share
    mean = Check(baseline.name, "mean", window.mean, n, m, baseline=baseline.mean)
    share = Check(
        column=baseline.name,
        metric="outside_share",
        value=outside / n,
        low=low,
        high=high,
        num_rows=n,
        num_baseline=m,
        # A further row of the same distribution is below or above all others.
        baseline=2 / (m + 1),
        limit=limit,
        warns=low > limit,
        detail=f"values below {baseline.minimum:g} or above {baseline.maximum:g}" if outside else "",
    )
    return [mean, share]


def _check_categories(baseline: Distribution, window: Distribution, config: DriftConfig) -> list[Check]:
    checks = []
    if baseline.values:
        checks.append(_check_stability(baseline, window, config))
        checks.append(_check_jensen_shannon(baseline, window, config))
    if baseline.is_complete:
        checks.append(_check_unseen(baseline, window, config))
    return checks


def _check_stability(baseline: Distribution, window: Distribution, config: DriftConfig) -> Check:
    n, m = window.num_values, baseline.num_values
    is_ordered = baseline.kind == "number"
    least = max(LEAST_EXPECTED, min(n, m) / _MAX_BINS if is_ordered else 0.0)
    merged = merge_rare(baseline.counts, window.counts, is_ordered=is_ordered, least=least)
    value = population_stability(*merged) - expect_stability(len(merged[0]), m, n)
    return _make_check(baseline, window, "psi", max(0.0, value), config.psi, homogeneity_p_value(*merged))


def _check_jensen_shannon(baseline: Distribution, window: Distribution, config: DriftConfig) -> Check:
    n, m = window.num_values, baseline.num_values
    merged = merge_rare(baseline.counts, window.counts, is_ordered=False)
    divergence = jensen_shannon(*merged) - expect_jensen_shannon(len(merged[0]), m, n)
    distance, p_value = math.sqrt(max(0.0, divergence)), homogeneity_p_value(*merged)
    return _make_check(baseline, window, "jensen_shannon", distance, config.jensen_shannon, p_value)


def _check_unseen(baseline: Distribution, window: Distribution, config: DriftConfig) -> Check:
    """Values that the baseline has not are expected as often as it has values only once (Good 1953, after Turing)."""
    n, m = window.num_values, baseline.num_values
    unseen, single = window.counts[-1], sum(rows == 1 for rows in baseline.counts[:-1])
    low, high = share_bounds(unseen, n)
    return Check(
        column=baseline.name,
        metric="unseen_share",
        value=unseen / n,
        low=low,
        high=high,
        num_rows=n,
        num_baseline=m,
        baseline=single / m,
        limit=single / m + config.unseen_share,
        effect=unseen / n - single / m,
        least_effect=config.unseen_share,
        p_value=share_p_value(single, m, unseen, n),
        detail=_name_unseen(unseen, window.unseen),
    )


def _name_unseen(num_rows: int, named: Mapping[str, int]) -> str:
    if not num_rows:
        return ""
    such = ", ".join(repr(value[:_MAX_CHARACTERS]) for value in named)
    return f"{num_rows} rows have a value that the baseline has not" + (f", such as {such}" if such else "")


def _measure_move(baseline: Distribution, window: Distribution) -> float:
    ends = [end for side in (baseline, window) for end in (side.minimum, side.maximum) if end is not None]
    return wasserstein(baseline.counts, window.counts, baseline.edges, min(ends), max(ends))


def _make_check(
    baseline: Distribution, window: Distribution, metric: str, value: float, limit: float, p_value: float | None
) -> Check:
    return Check(
        column=baseline.name,
        metric=metric,
        value=value,
        num_rows=window.num_values,
        num_baseline=baseline.num_values,
        limit=limit,
        effect=value,
        least_effect=limit,
        p_value=p_value,
    )


def _bound(share: float, value: float, allowed: float) -> float:
    """The bound of a share on the side where its value lies."""
    return min(1.0, share + allowed) if value >= share else max(0.0, share - allowed)
