"""One figure of drift before it is judged, and the judging of all figures of a window together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from dbx_dl.contracts import Finding
from dbx_dl.metrics.multiple_testing import adjust_p_values

# All figures of the area `drift`, by what they are of.
NUMBER_METRICS = ("psi", "kolmogorov_smirnov", "wasserstein", "mean", "outside_share", "null_share")
CATEGORY_METRICS = ("psi", "jensen_shannon", "unseen_share", "null_share")
IMAGE_METRICS = ("near_duplicate_share",)
VECTOR_METRICS = ("frechet", "classifier")
WINDOW_METRICS = ("num_rows",)
DRIFT_METRICS = tuple(
    dict.fromkeys((*NUMBER_METRICS, *CATEGORY_METRICS, *IMAGE_METRICS, *VECTOR_METRICS, *WINDOW_METRICS))
)


@dataclass(frozen=True)
class Check:
    """A figure of one column of a window; `num_rows` of the window and `num_baseline` it was made of.

    It may fire where it has a `p_value`; `effect` is what has to be above `least_effect` then. `warns`: it is worth a
    look, whatever the p-value. `limit` is what people compare `value` with.
    """

    column: str
    metric: str
    value: float | None
    num_rows: int
    num_baseline: int
    baseline: float | None = None
    limit: float | None = None
    effect: float | None = None
    least_effect: float = 0.0
    p_value: float | None = None
    low: float | None = None
    high: float | None = None
    warns: bool = False
    detail: str = ""


def judge_checks(window: str, checks: Sequence[Check], false_alarms: float, min_rows: int) -> tuple[Finding, ...]:
    """The findings of one window, in the order of the checks.

    P-values are adjusted for each other; those of checks with fewer than `min_rows` rows on either side are not
    counted, and these are `unsure`.
    """
    is_small = [min(check.num_rows, check.num_baseline) < min_rows for check in checks]
    counted = [None if small else check.p_value for check, small in zip(checks, is_small, strict=True)]
    adjusted = adjust_p_values(counted)
    return tuple(
        _judge(window, check, small, p, false_alarms)
        for check, small, p in zip(checks, is_small, adjusted, strict=True)
    )


def _judge(window: str, check: Check, is_small: bool, adjusted: float | None, false_alarms: float) -> Finding:
    finding = Finding(
        window=window,
        area="drift",
        column=check.column,
        metric=check.metric,
        value=check.value,
        low=check.low,
        high=check.high,
        num_rows=check.num_rows,
        baseline=check.baseline,
        limit=check.limit,
        p_value=check.p_value,
        adjusted_p_value=adjusted,
        detail=check.detail,
    )
    if is_small:
        too_few = f"{check.num_rows} rows, the baseline has {check.num_baseline}: too few to be judged"
        return finding.model_copy(update={"status": "unsure", "detail": check.detail or too_few})
    if adjusted is not None and check.effect is not None:
        is_sure, is_large = adjusted <= false_alarms, check.effect > check.least_effect
        if is_sure and is_large:
            return finding.model_copy(update={"status": "alert"})
        return finding.model_copy(update={"status": "warning" if check.warns else "ok"})
    return finding.model_copy(update={"status": "warning" if check.warns else "told"})


def share_bounds(num_hits: int, num_rows: int, confidence_z: float = 1.959963984540054) -> tuple[float, float]:
    """The 95 % interval of a share of rows, at once for any number of them.

    Wilson 1927, "Probable Inference, the Law of Succession, and Statistical Inference"; (0, 1) without rows.
    """
    if not num_rows:
        return 0.0, 1.0
    share, z = num_hits / num_rows, confidence_z
    scale = 1 + z * z / num_rows
    center = (share + z * z / (2 * num_rows)) / scale
    half = z * math.sqrt(share * (1 - share) / num_rows + (z / (2 * num_rows)) ** 2) / scale
    return max(0.0, center - half), min(1.0, center + half)
