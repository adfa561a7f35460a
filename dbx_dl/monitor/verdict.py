"""Whether findings call for a training, and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dbx_dl.config.retrain import RetrainConfig
    from dbx_dl.contracts import Finding, Window

# So many reasons are told one by one.
MAX_REASONS = 20
_ORDER = ("alert", "warning", "ok")


def decide(
    findings: Sequence[Finding],
    windows: Sequence[Window],
    config: RetrainConfig,
    before: tuple[Sequence[Window], Sequence[Finding]] = ((), ()),
) -> tuple[bool, tuple[str, ...]]:
    """Whether to train anew, and what fired as lines, one for each part of a column, the oldest window first.

    `windows` are those of the look, `before` windows and findings of earlier looks, each in order of time. Findings
    that are no alerts never count; see `RetrainConfig` for those that do. Where none of the alerts is of this look,
    what earlier ones said stands: they do not call again.
    """
    own = {window.name for window in windows}
    every = sorted((*(it for it in before[0] if it.name not in own), *windows), key=order_window)
    findings = (*(it for it in before[1] if it.window not in own), *findings)
    counted = [finding for finding in findings if not config.metrics or finding.metric in config.metrics]
    places = {window.name: place for place, window in enumerate(every)}
    alerts: list[Finding] = []
    for area in config.areas:
        of_area = [finding for finding in counted if finding.area == area]
        # Labels come late: the last window that quality can be judged in is often an earlier one than drift's.
        judged = sorted({finding.window for finding in of_area if is_judged(finding)}, key=lambda name: places[name])
        recent = judged[-config.num_windows :]
        alerts += [finding for finding in of_area if finding.status == "alert" and finding.window in recent]
    if len(alerts) < config.min_alerts or not any(finding.window in own for finding in alerts):
        return False, ()
    alerts.sort(key=lambda finding: (places[finding.window], finding.area))
    return True, _list_reasons(alerts)


def order_window(window: Window) -> tuple[float, int]:
    """Windows in order of time, or of version."""
    start = window.start.timestamp() if window.start is not None else 0.0
    return start, -1 if window.last_version is None else window.last_version


def tabulate_findings(findings: Sequence[Finding], max_rows: int) -> tuple[tuple[str, ...], ...]:
    """Alerts and then warnings as a table of text, header first."""
    judged = sorted((it for it in findings if it.status in _ORDER[:2]), key=lambda it: _ORDER.index(it.status))
    header = ("", "window", "area", "of", "figure", "value", "baseline", "limit")
    rows = [
        (it.status, it.window, it.area, ": ".join(part for part in (it.column, it.part) if part),
         it.metric.replace("_", " "), *(_show(number) for number in (it.value, it.baseline, it.limit)))
        for it in judged[:max_rows]
    ]  # fmt: skip
    if len(judged) > max_rows:
        rows.append((f"and {len(judged) - max_rows} more", *[""] * (len(header) - 1)))
    return (header, *rows)


def is_judged(finding: Finding) -> bool:
    """Whether the finding says that something is well or is not."""
    return finding.status in _ORDER


def describe_findings(findings: Sequence[Finding]) -> str:
    """Findings of one part of one column of a window as one line: where, and each figure with what it may be."""
    first = findings[0]
    place = ": ".join(part for part in (first.column, first.part) if part)
    figures = "; ".join(_describe_figure(finding) for finding in findings)
    return f"{first.window}, {first.area}{', ' + place if place else ''}: {figures}"


def _describe_figure(finding: Finding) -> str:
    value = "not measured" if finding.value is None else f"{finding.value:.4g}"
    interval = "" if finding.low is None or finding.high is None else f" ({finding.low:.4g} to {finding.high:.4g})"
    known = (("baseline", finding.baseline), ("limit", finding.limit), ("adjusted p", finding.adjusted_p_value))
    beside = "".join(f", {name} {number:.4g}" for name, number in known if number is not None)
    return f"{finding.metric.replace('_', ' ')} {value}{interval}{beside}"


def _show(number: float | None) -> str:
    return "–" if number is None else f"{number:.4g}"


def _list_reasons(alerts: Sequence[Finding]) -> tuple[str, ...]:
    groups: dict[tuple[str, str, str, str], list[Finding]] = {}
    for finding in alerts:
        groups.setdefault((finding.window, finding.area, finding.column, finding.part), []).append(finding)
    ordered = list(groups.values())
    shown = tuple(describe_findings(own) for own in ordered[:MAX_REASONS])
    num_more = sum(map(len, ordered[MAX_REASONS:]))
    return (*shown, f"and {num_more} more alerts") if num_more else shown
