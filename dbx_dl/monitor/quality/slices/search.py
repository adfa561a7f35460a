"""Slices in which a model errs significantly more than elsewhere, the most general ones.

After Chung et al., "Slice Finder: Automated Data Slicing for Model Validation", 2019 (lattice search over values and
ranges, Welch's test, an effect size); false alarms are held by Benjamini and Hochberg's correction over all slices that
were looked at, in all windows.
"""

from __future__ import annotations

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
    from collections.abc import Iterator, Sequence

    from pyspark.sql import DataFrame

    from dbx_dl.config import QualityConfig, SlicesConfig
    from dbx_dl.contracts import Target, Window
    from dbx_dl.monitor.quality.slices.candidates import Candidate
    from dbx_dl.monitor.quality.slices.cuts import Cut

SLICE_ERROR, NUM_SEARCHED = "slice_error", "slices_searched"
# So many slices of a window are told, those that err most first.
MAX_TOLD = 50


def find_slices(
    joined: DataFrame, target: Target, config: QualityConfig, windows: Sequence[Window]
) -> tuple[Finding, ...]:
    """Found slices of every window, and how many were looked at; nothing without columns to look in.

    Spark passes over the rows: two to cut columns, one for windows, one for single columns, one for pairs. What comes
    to the driver is a row of sums for every slice of a window with at least `min_rows` rows, at most
    (max_columns + max_pairs * max_values) * max_values of a window. DataError where a column that is asked for is
    absent.
    """
    slices = config.slices
    if slices is None:
        return ()
    require_scored(joined, slices.columns, "`slices.columns`")
    error = find_error(joined, target)
    columns = list_columns(joined, target, slices)
    if error is None or not columns:
        return ()
    usable = joined.where(is_usable(joined, target))
    cuts = cut_columns(usable, columns, slices)
    candidates = _count(place_rows(usable, error[1], cuts), cuts, slices)
    names = {window.name for window in windows}
    return judge_slices([found for found in candidates if found.window in names], cuts, error[0], config, slices)


def judge_slices(
    candidates: Sequence[Candidate], cuts: Sequence[Cut], error: str, config: QualityConfig, slices: SlicesConfig
) -> tuple[Finding, ...]:
    """Findings of the candidates that are significant and large.

    Of a pair within a found single slice the single one is told, unless its rows outside of the pair err like all
    others.
    """
    p_values = find_p_values(candidates)
    adjusted = adjust_p_values(p_values)
    found = [
        (candidate, p, q)
        for candidate, p, q in zip(candidates, p_values, adjusted, strict=True)
        if p is not None and q is not None and q <= config.false_alarms and candidate.effect >= slices.min_effect
    ]
    general = set(keep_standing([candidate for candidate, _, _ in found], config, slices))
    by_window: dict[str, list[tuple[Candidate, float, float]]] = {window: [] for window in _list_windows(candidates)}
    for item in found:
        if item[0] in general:
            by_window[item[0].window].append(item)
    return tuple(
        finding
        for window, own in by_window.items()
        for finding in _tell_window(window, own, _count_in(candidates, window), cuts, error, config, slices)
    )


def _count(placed: DataFrame, cuts: Sequence[Cut], slices: SlicesConfig) -> list[Candidate]:
    totals = count_windows(placed)
    singles = count_slices(placed, totals, [(-1, place) for place in range(len(cuts))], slices)
    pairs = choose_pairs(len(cuts), singles, slices.max_pairs)
    return singles + count_slices(placed, totals, pairs, slices)


def _list_windows(candidates: Sequence[Candidate]) -> list[str]:
    return sorted({candidate.window for candidate in candidates})


def _count_in(candidates: Sequence[Candidate], window: str) -> int:
    return sum(candidate.window == window for candidate in candidates)


def _tell_window(
    window: str,
    found: list[tuple[Candidate, float, float]],
    num_searched: int,
    cuts: Sequence[Cut],
    error: str,
    config: QualityConfig,
    slices: SlicesConfig,
) -> Iterator[Finding]:
    ordered = sorted(found, key=lambda item: (-item[0].effect, item[0].parts))
    told = ordered[:MAX_TOLD]
    detail = f"slices by {', '.join(cut.column for cut in cuts)}; {len(found)} err more"
    if len(told) < len(found):
        detail += f", the first {MAX_TOLD} are told"
    yield Finding(
        window=window, area="quality", metric=NUM_SEARCHED, value=float(num_searched), num_rows=num_searched,
        detail=detail,
    )  # fmt: skip
    for candidate, p_value, adjusted in told:
        finding = _tell(candidate, cuts, error, config)
        status = "alert" if slices.alert else "warning"
        yield finding.model_copy(update={"p_value": p_value, "adjusted_p_value": adjusted, "status": status})


def _tell(candidate: Candidate, cuts: Sequence[Cut], error: str, config: QualityConfig) -> Finding:
    inside, rest = candidate.inside, candidate.rest
    low, high = _find_interval(candidate, error, config.confidence)
    return Finding(
        window=candidate.window,
        area="quality",
        column=", ".join(cuts[place].column for place, _ in candidate.parts),
        part=" and ".join(cuts[place].name(part) for place, part in candidate.parts),
        metric=SLICE_ERROR,
        value=inside.mean,
        low=low,
        high=high,
        num_rows=inside.num_rows,
        baseline=rest.mean,
        detail=f"{error}: {inside.mean:.4g} in the slice, {rest.mean:.4g} elsewhere; effect {candidate.effect:.2f}",
    )


def _find_interval(candidate: Candidate, error: str, confidence: float) -> tuple[float, float]:
    inside = candidate.inside
    if error in (WRONG, MISSED):
        return share_interval(round(inside.mean * inside.num_rows), inside.num_rows, confidence)
    half = NormalDist().inv_cdf((1 + confidence) / 2) * (inside.variance / inside.num_rows) ** 0.5
    return inside.mean - half, inside.mean + half
