"""Whether a metric of scored rows is worse than on the test split, or than its limit, beyond chance."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

from dbx_dl.contracts import Estimate, Finding
from dbx_dl.metrics import SHARES, is_lower_better, share_interval
from dbx_dl.metrics.intervals import difference_interval
from dbx_dl.metrics.multiple_testing import adjust_p_values

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from dbx_dl.config import QualityConfig
    from dbx_dl.contracts import FindingStatus, QualityBaseline
    from dbx_dl.monitor.quality.window_metrics import Measured

# A likelihood has no zero that shares could be of; r2 may be 0.
_WITHOUT_SHARES = ("nll",)
_UNKNOWN = "not compared with the test split: on how many rows that was measured, and so how sure it is, is not known"


@dataclass(frozen=True)
class _Loss:
    """How much worse a metric is than it may be, with its interval, in the metric's unit; above 0 it is worse."""

    value: float
    low: float
    limit: float
    p_value: float
    is_of_limit: bool


def judge_metrics(
    measured: Sequence[Measured],
    judged: Sequence[str],
    config: QualityConfig,
    baseline: QualityBaseline | None,
    by_version: Mapping[int, QualityBaseline],
) -> tuple[Finding, ...]:
    """A finding for every metric; those that are `judged`, or have a limit, are ok, a warning, an alert or unsure.

    Windows as a whole are compared with `baseline`, a version's rows with its own in `by_version` where there is one.
    An alert has an interval that leaves no doubt, and stands after correction for all judged figures (Benjamini and
    Hochberg 1995). A warning has such an interval and does not stand after that, or is worse than a limit within
    chance.
    """
    plain, losses = [], []
    for part in measured:
        own = baseline if part.version is None else by_version.get(part.version, baseline)
        for metric, estimate in part.metrics.items():
            known = None if own is None else _complete(own, metric, estimate, part.num_rows, config)
            is_judged = metric in judged or metric in config.limits
            finding = _tell(part, metric, estimate, known)
            if is_judged and known is not None and known.low is None:
                finding = _add_detail(finding, _UNKNOWN)
            plain.append(_doubt(finding, config) if is_judged else finding)
            losses.append(_find_loss(part, metric, estimate, known, config) if is_judged else None)
    adjusted = adjust_p_values([None if loss is None else loss.p_value for loss in losses])
    found = [
        finding if loss is None else _judge(finding, loss, p, config)
        for finding, loss, p in zip(plain, losses, adjusted, strict=True)
    ]
    return (*found, *_tell_undefined(measured, (*judged, *config.limits)))


def _tell_undefined(measured: Sequence[Measured], metrics: Sequence[str]) -> Iterator[Finding]:
    """Metrics that are asked for and were not measured: a class without rows, or fields that were not stored."""
    for part in measured:
        for metric in dict.fromkeys(metrics):
            if metric not in part.metrics:
                yield Finding(
                    window=part.window, area="quality", part=part.part, metric=metric, value=None,
                    num_rows=part.num_rows, status="unsure",
                    detail="undefined on these rows, or `score.options.fields` did not keep what it takes",
                )  # fmt: skip


def find_tolerance(metric: str, baseline: float, tolerance: float) -> float:
    """How much worse a metric may be than `baseline`, in its own unit: of errors and losses a share of that."""
    is_share = is_lower_better(metric) and not metric.endswith(_WITHOUT_SHARES)
    return tolerance * abs(baseline) if is_share else tolerance


def _complete(
    baseline: QualityBaseline, metric: str, estimate: Estimate, num_rows: int, config: QualityConfig
) -> Estimate | None:
    """The baseline's metric with an interval: its own, that of a share, or the window's as wide as its rows make it."""
    known = baseline.metrics.get(metric)
    if known is None or known.low is not None or baseline.num_rows <= 0:
        return known
    if metric in SHARES:
        hits = round(known.value * baseline.num_rows)
        low, high = share_interval(hits, baseline.num_rows, config.confidence)
        return Estimate(value=known.value, low=low, high=high)
    if estimate.low is None or estimate.high is None:
        return known
    scale = (num_rows / baseline.num_rows) ** 0.5
    below, above = estimate.value - estimate.low, estimate.high - estimate.value
    return Estimate(value=known.value, low=known.value - scale * below, high=known.value + scale * above)


def _add_detail(finding: Finding, sentence: str) -> Finding:
    return finding.model_copy(update={"detail": "; ".join(part for part in (finding.detail, sentence) if part)})


def _tell(part: Measured, metric: str, estimate: Estimate, known: Estimate | None) -> Finding:
    detail = ""
    if part.num_rows < part.num_labelled:
        detail = f"measured on {part.num_rows:,} of {part.num_labelled:,} labelled rows, drawn at random"
    return Finding(
        window=part.window, area="quality", part=part.part, metric=metric, value=estimate.value, low=estimate.low,
        high=estimate.high, num_rows=part.num_rows, baseline=None if known is None else known.value, detail=detail,
    )  # fmt: skip


def _find_loss(
    part: Measured, metric: str, estimate: Estimate, known: Estimate | None, config: QualityConfig
) -> _Loss | None:
    """The worse of both comparisons; None where there is none, or no interval, or too few rows."""
    if part.num_rows < config.min_rows or estimate.low is None or estimate.high is None:
        return None
    sign = 1.0 if is_lower_better(metric) else -1.0
    losses = []
    if known is not None and known.low is not None and known.high is not None:
        allowed = find_tolerance(metric, known.value, config.tolerance)
        losses.append(_compare(sign, estimate, known, known.value + sign * allowed, config, is_of_limit=False))
    if metric in config.limits:
        limit = config.limits[metric]
        losses.append(_compare(sign, estimate, Estimate(value=limit), limit, config, is_of_limit=True))
    return max(losses, key=lambda loss: (loss.low, loss.value), default=None)


def _compare(
    sign: float, estimate: Estimate, known: Estimate, limit: float, config: QualityConfig, *, is_of_limit: bool
) -> _Loss:
    """`sign` is 1 where lower is better: the loss is then the metric less the baseline's, less what is allowed."""
    low, high = difference_interval(estimate.value, _ends(estimate), known.value, _ends(known))
    worse = (low, high) if sign > 0 else (-high, -low)
    allowed = abs(limit - known.value)
    value = sign * (estimate.value - known.value) - allowed
    below = value - (worse[0] - allowed)
    # The half interval below the loss is so many deviations wide.
    deviation = below / NormalDist().inv_cdf((1 + config.confidence) / 2)
    p_value = 1 - NormalDist().cdf(value / deviation) if deviation > 0 else float(value <= 0)
    return _Loss(value, value - below, limit, p_value, is_of_limit)


def _doubt(finding: Finding, config: QualityConfig) -> Finding:
    """A figure that is asked for is unsure where it has too few rows; else it stays as it is until it is compared."""
    return finding.model_copy(update={"status": "unsure"}) if finding.num_rows < config.min_rows else finding


def _judge(finding: Finding, loss: _Loss, adjusted: float | None, config: QualityConfig) -> Finding:
    is_certain = loss.low > 0 and adjusted is not None and adjusted <= config.false_alarms
    is_notable = loss.low > 0 or (loss.is_of_limit and loss.value > 0)
    status: FindingStatus = "alert" if is_certain else "warning" if is_notable else "ok"
    sentences: Iterable[str] = (_explain(status, loss), finding.detail)
    return finding.model_copy(
        update={
            "limit": loss.limit,
            "p_value": loss.p_value,
            "adjusted_p_value": adjusted,
            "status": status,
            "detail": "; ".join(sentence for sentence in sentences if sentence),
        }
    )


def _explain(status: FindingStatus, loss: _Loss) -> str:
    if loss.value <= 0:
        return ""
    reason = "than the limit" if loss.is_of_limit else "than on the test split"
    return f"worse {reason}" + ("" if status == "alert" else ", within chance")


def _ends(estimate: Estimate) -> tuple[float, float]:
    low, high = estimate.low, estimate.high
    return (estimate.value if low is None else low, estimate.value if high is None else high)
