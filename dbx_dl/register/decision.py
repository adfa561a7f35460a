"""Who should be champion, from what was measured: every condition with how it turned out, and the reason."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dbx_dl.contracts import Check
from dbx_dl.metrics import is_better, is_lower_better
from dbx_dl.register.fairness import judge_fairness

if TYPE_CHECKING:
    from dbx_dl.config import GroupLimit, LatencyLimit, MetricLimit, RegisterConfig
    from dbx_dl.contracts import MeasuredGroup, MeasuredModel


@dataclass(frozen=True)
class Decision:
    """The version to be champion (None: nobody new), the candidate in question, the reason, and all conditions."""

    chosen: int | None
    challenger: int
    reason: str
    checks: tuple[Check, ...]


def decide(
    candidates: Sequence[MeasuredModel],
    champion: MeasuredModel | None,
    present: int | None,
    metric: str,
    config: RegisterConfig,
) -> Decision:
    """The best candidate by `metric` that meets all of the config's limits, if it also beats the champion.

    `champion` is None where there is none or it could not be measured, though version `present` is champion; then only
    what is absolute is asked for. Among equal candidates the first wins, on a tie the champion keeps its place. The
    reason is a sentence without full stop.
    """
    checks = {model.version: tuple(check_limits(model, champion, metric, config)) for model in candidates}
    fit = [model for model in candidates if all(check.is_met is not False for check in checks[model.version])]
    best = _choose_best(fit or candidates, metric)
    told = tuple(check for found in checks.values() for check in found)
    found = f"{metric} {best.metrics[metric].value:.4f}"
    if best.version != present and not fit:
        kept = f"version {present} stays champion" if present is not None else "there is no champion"
        missed = "; ".join(check.detail for check in checks[best.version] if check.is_met is False)
        reason = f"{kept}: the best candidate, version {best.version}, has {found} and fails: {missed}"
        return Decision(None, best.version, reason, told)
    if champion is None:
        others = f", the best of {len(candidates)} candidates" if len(candidates) > 1 else ""
        reason = f"version {best.version} becomes champion with {found} on the test split{others}"
        return Decision(best.version, best.version, reason, told)
    if best.version == champion.version:
        reason = f"version {best.version} stays champion: its {found} is the best"
        return Decision(best.version, best.version, reason, told)
    gain = check_gain(best, champion, metric, config)
    if gain.is_met:
        reason = f"version {best.version} becomes champion: {gain.detail}"
        return Decision(best.version, best.version, reason, (*told, gain))
    reason = f"version {present} stays champion: the best candidate, version {best.version}, has {gain.detail}"
    return Decision(present, best.version, reason, (*told, gain))


def check_gain(model: MeasuredModel, champion: MeasuredModel, metric: str, config: RegisterConfig) -> Check:
    """Whether a candidate beats the champion, by as much and as surely as the config asks."""
    value, other = model.metrics[metric].value, champion.metrics[metric].value
    gain = _gain(metric, value, other)
    theirs = f"version {champion.version}'s {other:.4f}"
    if value == other:
        return Check(version=model.version, is_met=False, detail=f"{metric} {value:.4f}, which only equals {theirs}")
    if gain < 0:
        detail = f"{metric} {value:.4f}, which is not better than {theirs}"
        return Check(version=model.version, is_met=False, detail=detail)
    if gain < config.min_gain:
        detail = f"{metric} {value:.4f}, better than {theirs} by {gain:.4g}, less than min_gain {config.min_gain:g}"
        return Check(version=model.version, is_met=False, detail=detail)
    surely = _least_gain(model, metric)
    if config.certain_gain and (surely is None or surely <= 0 or surely < config.min_gain):
        least = "unknown" if surely is None else f"{surely:.4g}"
        detail = (
            f"{metric} {value:.4f}, better than {theirs} by {gain:.4g}, but at {config.confidence:.0%} confidence by "
            f"{least} at least"
        )
        return Check(version=model.version, is_met=False, detail=detail)
    return Check(version=model.version, is_met=True, detail=f"{metric} {value:.4f} is better than {theirs}")


def check_limits(
    model: MeasuredModel, champion: MeasuredModel | None, metric: str, config: RegisterConfig
) -> Iterator[Check]:
    """Every condition of the config for one version but that it beats the champion."""
    other = champion if champion is not None and champion.version != model.version else None
    if config.threshold is not None:
        yield _check_threshold(model, metric, metric, model.metrics[metric].value, config.threshold)
    for name, limit in config.limits.items():
        theirs = other.metrics[name].value if other is not None else None
        yield from _check_limit(model, name, name, model.metrics[name].value, theirs, limit)
    for number, (group, limit) in enumerate(_with_limits(model, metric, config)):
        yield from _check_group(model, group, other.groups[number].value if other is not None else None, limit)
    yield from judge_fairness(model, config.fairness)
    yield from _check_latency(model, other, config.latency)


def _with_limits(
    model: MeasuredModel, metric: str, config: RegisterConfig
) -> Iterator[tuple[MeasuredGroup, GroupLimit]]:
    limits = {(limit.column, limit.metric or metric): limit for limit in config.groups}
    for group in model.groups:
        yield group, limits[group.column, group.metric]


def _check_group(
    model: MeasuredModel, group: MeasuredGroup, theirs: float | None, limit: GroupLimit
) -> Iterator[Check]:
    name = f"{group.metric} where {group.column} = {group.group} ({group.num_rows} rows)"
    if group.num_rows < limit.min_rows or group.value is None:
        value = "is undefined" if group.value is None else f"{group.value:.4f}"
        why = f"fewer than {limit.min_rows} rows" if group.num_rows < limit.min_rows else "undefined there"
        yield Check(version=model.version, is_met=None, detail=f"{name} {value}: not judged, {why}")
        return
    yield from _check_limit(model, name, group.metric, group.value, theirs, limit)


def _check_limit(
    model: MeasuredModel, name: str, metric: str, value: float, theirs: float | None, limit: MetricLimit
) -> Iterator[Check]:
    if limit.threshold is not None:
        yield _check_threshold(model, name, metric, value, limit.threshold)
    if limit.max_loss is not None and theirs is not None:
        loss = -_gain(metric, value, theirs)
        # What a decimal limit means does not hang on the last bit of a difference.
        is_met = loss <= limit.max_loss + 1e-12
        relation = "within" if is_met else "more than"
        yield Check(
            version=model.version,
            is_met=is_met,
            detail=f"{name} {value:.4f} against the champion's {theirs:.4f}, {relation} max_loss {limit.max_loss:g}",
        )


def _check_threshold(model: MeasuredModel, name: str, metric: str, value: float, threshold: float) -> Check:
    is_met = value == threshold or is_better(metric, value, threshold)
    verb = "meets" if is_met else "misses"
    return Check(version=model.version, is_met=is_met, detail=f"{name} {value:.4f} {verb} the threshold {threshold:g}")


def _check_latency(model: MeasuredModel, other: MeasuredModel | None, limit: LatencyLimit) -> Iterator[Check]:
    if model.latency is None:
        return
    for time, bound, what in (
        (model.latency.ms_per_row, limit.max_ms_per_row, "max_ms_per_row"),
        (model.latency.ms_per_call, limit.max_ms_per_call, "max_ms_per_call"),
    ):
        if bound is not None:
            relation = "within" if time <= bound else "more than"
            detail = f"{time:.3g} ms is {relation} {what} {bound:g}"
            yield Check(version=model.version, is_met=time <= bound, detail=detail)
    if limit.max_slowdown is not None and other is not None and other.latency is not None:
        ratio = model.latency.ms_per_row / other.latency.ms_per_row
        is_met = ratio <= limit.max_slowdown
        relation = "within" if is_met else "more than"
        detail = f"{ratio:.2f} times the champion's ms a row is {relation} max_slowdown {limit.max_slowdown:g}"
        yield Check(version=model.version, is_met=is_met, detail=detail)


def _choose_best(models: Sequence[MeasuredModel], metric: str) -> MeasuredModel:
    best = models[0]
    for model in models[1:]:
        if is_better(metric, model.metrics[metric].value, best.metrics[metric].value):
            best = model
    return best


def _gain(metric: str, value: float, other: float) -> float:
    """By how much a value is better than another; below 0 where it is worse."""
    return other - value if is_lower_better(metric) else value - other


def _least_gain(model: MeasuredModel, metric: str) -> float | None:
    """The worse end of the interval of the difference to the champion, as a gain."""
    difference = model.differences.get(metric)
    if difference is None or difference.low is None or difference.high is None:
        return None
    return -difference.high if is_lower_better(metric) else difference.low
