"""Whether groups of a column are farther apart than they may be, beyond chance."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isinf
from typing import TYPE_CHECKING

from dbx_dl.contracts import Finding
from dbx_dl.metrics.group_gaps import Gap, measure_difference, measure_ratio

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dbx_dl.config import WatchedFairnessConfig
    from dbx_dl.contracts import FindingStatus, Window
    from dbx_dl.metrics.group_gaps import Rate
    from dbx_dl.monitor.fairness.groups import Groups
    from dbx_dl.monitor.fairness.rates import GroupCounts

RATIO = "demographic_parity_ratio"
_ByName = Mapping[str, Mapping[str, "Rate"]]
_Measure = Callable[[_ByName, float], Gap | None]


def judge_gaps(
    windows: Sequence[Window], counts: Sequence[GroupCounts], groups: Sequence[Groups], config: WatchedFairnessConfig
) -> Iterator[Finding]:
    """Every gap of every window and column; those with a limit are ok, a warning, an alert, or unsure if undefined.

    An alert stands although several gaps are judged in a look: each limit gets its share of the doubt (Bonferroni).
    """
    limits = _list_limits(config)
    num_judged = max(1, len(windows) * len(groups) * len(limits))
    strict = 1 - (1 - config.confidence) / num_judged
    for window in windows:
        for found in groups:
            own = [group for group in counts if (group.window, group.column) == (window.name, found.column)]
            compared = [group for group in own if group.group != found.rest]
            rates = _by_name(compared, config.min_rows)
            num_rows = sum(group.num_rows for group in compared)
            for name, measure in GAPS.items():
                gap, certain = measure(rates, config.confidence), measure(rates, strict)
                if gap is not None or name in limits:
                    yield _judge(window.name, found.column, name, num_rows, gap, certain, limits.get(name))


def _list_limits(config: WatchedFairnessConfig) -> dict[str, float]:
    limits: dict[str, float] = dict(config.max_gaps.items())
    if config.min_parity_ratio is not None:
        limits[RATIO] = config.min_parity_ratio
    return limits


def _by_name(groups: Sequence[GroupCounts], min_rows: int) -> dict[str, dict[str, Rate]]:
    """Rates by name and group, of groups with enough rows."""
    found: dict[str, dict[str, Rate]] = {}
    for group in groups:
        if group.num_rows >= min_rows:
            for name, rate in group.judged_rates(min_rows).items():
                found.setdefault(name, {})[group.group] = rate
    return found


def _judge(
    window: str, column: str, name: str, num_rows: int, gap: Gap | None, certain: Gap | None, limit: float | None
) -> Finding:
    if gap is None or certain is None:
        return Finding(
            window=window, area="fairness", column=column, metric=name, value=None, num_rows=num_rows, limit=limit,
            status="unsure", detail="fewer than two groups have enough rows for it",
        )  # fmt: skip
    status: FindingStatus = "told"
    if limit is not None:
        is_passed, is_certain = _compare(name, gap, certain, limit)
        status = "alert" if is_passed and is_certain else "warning" if is_passed else "ok"
    first, second = gap.pair
    chance = ", within chance" if status == "warning" else ""
    return Finding(
        window=window, area="fairness", column=column, metric=name, value=gap.value, low=gap.low,
        high=None if isinf(gap.high) else gap.high, num_rows=num_rows, limit=limit, status=status,
        detail=f"between {first!r} and {second!r}{chance}",
    )  # fmt: skip


def _compare(name: str, gap: Gap, certain: Gap, limit: float) -> tuple[bool, bool]:
    # What a decimal limit means does not hang on the last bit of a difference.
    if name == RATIO:
        return gap.value < limit - 1e-12, certain.high < limit
    return gap.value > limit + 1e-12, certain.low > limit


def _difference(name: str) -> _Measure:
    return lambda rates, confidence: measure_difference(rates.get(name, {}), confidence)


def _ratio(rates: _ByName, confidence: float) -> Gap | None:
    return measure_ratio(rates.get("selection_rate", {}), confidence)


def _odds(rates: _ByName, confidence: float) -> Gap | None:
    """The larger one of the gaps of true and of false positives; none where one is undefined."""
    names = ("true_positive_rate", "false_positive_rate")
    gaps = [gap for name in names if (gap := measure_difference(rates.get(name, {}), confidence, len(names)))]
    if len(gaps) < len(names):
        return None
    widest = max(gaps, key=lambda gap: gap.value)
    return Gap(widest.value, max(gap.low for gap in gaps), max(gap.high for gap in gaps), widest.pair)


# By the names of `metrics.fairness.GAPS`, with intervals.
GAPS: dict[str, _Measure] = {
    "demographic_parity_difference": _difference("selection_rate"),
    RATIO: _ratio,
    "equal_opportunity_difference": _difference("true_positive_rate"),
    "equalized_odds_difference": _odds,
    "calibration_error_difference": _difference("calibration_error"),
}
