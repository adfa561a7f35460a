"""Which clusters are alike and which apart, and by which columns: standardised differences of any two."""

from __future__ import annotations

from itertools import combinations
from math import asin, sqrt
from typing import TYPE_CHECKING

from dbx_dl.contracts import ClusterPair, ColumnContrast, NumberProfile, ValueProfile

if TYPE_CHECKING:
    from collections.abc import Sequence

_NUM_APART, _NUM_ALIKE = 3, 2


def contrast_clusters(
    sizes: Sequence[int], numbers: Sequence[NumberProfile], values: Sequence[ValueProfile]
) -> tuple[ClusterPair, ...]:
    """All pairs of clusters that have rows, the most alike first; none without columns."""
    filled = [cluster for cluster, size in enumerate(sizes) if size]
    pairs = [_contrast(first, second, numbers, values) for first, second in combinations(filled, 2)]
    return tuple(sorted((pair for pair in pairs if pair is not None), key=lambda pair: pair.difference))


def _contrast(
    first: int, second: int, numbers: Sequence[NumberProfile], values: Sequence[ValueProfile]
) -> ClusterPair | None:
    found = [_compare_numbers(profile, first, second) for profile in numbers]
    by_column: dict[str, ColumnContrast] = {}
    for profile in values:
        contrast = _compare_shares(profile, first, second)
        kept = by_column.get(profile.column)
        # A column of values is told by the one that tells most.
        if kept is None or abs(contrast.difference) > abs(kept.difference):
            by_column[profile.column] = contrast
    contrasts = sorted([*(one for one in found if one is not None), *by_column.values()], key=_size)
    if not contrasts:
        return None
    return ClusterPair(
        first=first,
        second=second,
        difference=sqrt(sum(contrast.difference**2 for contrast in contrasts) / len(contrasts)),
        apart=tuple(reversed(contrasts[-_NUM_APART:])),
        alike=tuple(contrasts[: min(_NUM_ALIKE, max(0, len(contrasts) - _NUM_APART))]),
    )


def _size(contrast: ColumnContrast) -> float:
    return abs(contrast.difference)


def _compare_numbers(profile: NumberProfile, first: int, second: int) -> ColumnContrast | None:
    """None where a cluster has no number; 0 where the column does not vary at all."""
    one, other = profile.clusters[first], profile.clusters[second]
    if one.mean is None or other.mean is None:
        return None
    spread = sqrt(((one.deviation or 0.0) ** 2 + (other.deviation or 0.0) ** 2) / 2) or profile.whole.deviation or 0.0
    difference = (one.mean - other.mean) / spread if spread else 0.0
    return ColumnContrast(column=profile.column, difference=difference)


def _compare_shares(profile: ValueProfile, first: int, second: int) -> ColumnContrast:
    one, other = (2 * asin(sqrt(min(1.0, profile.clusters[cluster]))) for cluster in (first, second))
    return ColumnContrast(column=profile.column, value=profile.value, difference=one - other)
