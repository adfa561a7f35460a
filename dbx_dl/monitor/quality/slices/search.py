"""Slices in which a model errs significantly more than elsewhere, the most general ones.

After Chung et al., "Slice Finder: Automated Data Slicing for Model Validation", 2019 (lattice search over values and
ranges, Welch's test, an effect size); false alarms are held by Benjamini and Hochberg's correction over all slices that
were looked at, in all windows.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

from dbx_dl.contracts import Finding
from dbx_dl.metrics import share_interval
from dbx_dl.metrics.multiple_testing import adjust_p_values
from dbx_dl.monitor.quality.labelled_sample import is_usable
from dbx_dl.monitor.quality.slices.candidates import choose_pairs, count_slices, count_windows, place_rows
from dbx_dl.monitor.quality.slices.cuts import cut_columns, list_columns
from dbx_dl.monitor.quality.slices.row_errors import MISSED, WRONG, find_error
from dbx_dl.monitor.quality.slices.standing import find_p_values, keep_standing
from dbx_dl.monitor.scored_rows import require_scored

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pyspark.sql import Column, DataFrame

    from dbx_dl.config import QualityConfig, SlicesConfig
    from dbx_dl.contracts import Target
    from dbx_dl.monitor.quality.slices.candidates import Candidate
    from dbx_dl.monitor.quality.slices.cuts import Cut

SLICE_ERROR, NUM_SEARCHED = "slice_error", "slices_searched"
# So many slices of a window are told, those that err most first.
MAX_TOLD = 50


@dataclass(frozen=True)
class SlicePlan:
    """How rows are cut into slices, and what a row's error is called and is; no cuts where nothing is looked for."""

    cuts: tuple[Cut, ...] = ()
    error: tuple[str, Column] | None = None


@dataclass(frozen=True)
class FoundSlice:
    """A slice that errs more than elsewhere, with its p-value before and after correction."""

    candidate: Candidate
    p_value: float
    adjusted_p_value: float


def plan_slices(joined: DataFrame, target: Target, config: QualityConfig) -> SlicePlan:
    """How the columns are cut that slices are looked for in, in two passes of Spark.

    DataError where a column that is asked for is absent.
    """
    slices = config.slices
    if slices is None:
        return SlicePlan()
    require_scored(joined, slices.columns, "`slices.columns`")
    require_scored(joined, slices.told_columns, "`slices.told_columns`")
    columns = list_columns(joined, target, slices)
    if not columns:
        return SlicePlan()
    usable = joined.where(is_usable(joined, target))
    return SlicePlan(cut_columns(usable, columns, slices), find_error(joined, target))


def search_slices(joined: DataFrame, target: Target, config: QualityConfig, plan: SlicePlan) -> list[Candidate]:
    """The errors of every slice: one pass of Spark for windows, one for single columns, one for pairs.

    What comes to the driver is a row of sums for every slice of a window with at least `min_rows` rows, at most
    (max_columns + max_pairs * max_values) * max_values of a window.
    """
    if config.slices is None or plan.error is None or not plan.cuts:
        return []
    usable = joined.where(is_usable(joined, target))
    return _count(place_rows(usable, plan.error[1], plan.cuts), plan.cuts, config.slices)


def find_slices(
    candidates: Sequence[Candidate], config: QualityConfig, slices: SlicesConfig
) -> dict[str, list[FoundSlice]]:
    """The candidates that are significant and large, by window, those that err most first.

    Of a pair within a found single slice the single one is found, unless its rows outside of the pair err like all
    others.
    """
    p_values = find_p_values(candidates)
    adjusted = adjust_p_values(p_values)
    found = [
        FoundSlice(candidate, p, q)
        for candidate, p, q in zip(candidates, p_values, adjusted, strict=True)
        if p is not None and q is not None and q <= config.false_alarms and candidate.effect >= slices.min_effect
    ]
    general = set(keep_standing([each.candidate for each in found], config, slices))
    by_window: dict[str, list[FoundSlice]] = {window: [] for window in sorted({each.window for each in candidates})}
    for each in sorted(found, key=lambda each: (-each.candidate.effect, each.candidate.parts)):
        if each.candidate in general:
            by_window[each.candidate.window].append(each)
    return by_window


def tell_slices(
    found: Mapping[str, Sequence[FoundSlice]],
    candidates: Sequence[Candidate],
    cuts: Sequence[Cut],
    error: str,
    config: QualityConfig,
    slices: SlicesConfig,
) -> Iterator[Finding]:
    """Of each window how many slices were looked at, and those that were found, MAX_TOLD at most."""
    num_searched = Counter(candidate.window for candidate in candidates)
    for window, own in found.items():
        yield _tell_searched(window, len(own), num_searched[window], cuts)
        for each in own[:MAX_TOLD]:
            finding = _tell(each.candidate, cuts, error, config)
            changes = {"p_value": each.p_value, "adjusted_p_value": each.adjusted_p_value}
            yield finding.model_copy(update={**changes, "status": "alert" if slices.alert else "warning"})


def _count(placed: DataFrame, cuts: Sequence[Cut], slices: SlicesConfig) -> list[Candidate]:
    totals = count_windows(placed)
    singles = count_slices(placed, totals, [(-1, place) for place in range(len(cuts))], slices)
    pairs = choose_pairs(len(cuts), singles, slices.max_pairs)
    return singles + count_slices(placed, totals, pairs, slices)


def _tell_searched(window: str, num_found: int, num_searched: int, cuts: Sequence[Cut]) -> Finding:
    detail = f"slices by {', '.join(cut.column for cut in cuts)}; {num_found} err more"
    if num_found > MAX_TOLD:
        detail += f", the first {MAX_TOLD} are told"
    return Finding(
        window=window, area="quality", metric=NUM_SEARCHED, value=float(num_searched), num_rows=num_searched,
        detail=detail,
    )  # fmt: skip


def _tell(candidate: Candidate, cuts: Sequence[Cut], error: str, config: QualityConfig) -> Finding:
    inside, rest = candidate.inside, candidate.rest
    low, high = _find_interval(candidate, error, config.confidence)
    return Finding(
        window=candidate.window,
        area="quality",
        column=name_columns(candidate.parts, cuts),
        part=name_parts(candidate.parts, cuts),
        metric=SLICE_ERROR,
        value=inside.mean,
        low=low,
        high=high,
        num_rows=inside.num_rows,
        baseline=rest.mean,
        detail=f"{error}: {inside.mean:.4g} in the slice, {rest.mean:.4g} elsewhere; effect {candidate.effect:.2f}",
    )


def name_columns(parts: Sequence[tuple[int, int]], cuts: Sequence[Cut]) -> str:
    """The columns of a slice."""
    return ", ".join(cuts[place].column for place, _ in parts)


def name_parts(parts: Sequence[tuple[int, int]], cuts: Sequence[Cut]) -> str:
    """What a slice is called."""
    return " and ".join(cuts[place].name(part) for place, part in parts)


def _find_interval(candidate: Candidate, error: str, confidence: float) -> tuple[float, float]:
    inside = candidate.inside
    if error in (WRONG, MISSED):
        return share_interval(round(inside.mean * inside.num_rows), inside.num_rows, confidence)
    half = NormalDist().inv_cdf((1 + confidence) / 2) * (inside.variance / inside.num_rows) ** 0.5
    return inside.mean - half, inside.mean + half
