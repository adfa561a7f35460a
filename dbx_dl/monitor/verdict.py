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
    findings: Sequence[Finding], windows: Sequence[Window], config: RetrainConfig
) -> tuple[bool, tuple[str, ...]]:
    """Whether to train anew, and what fired as lines, one for each part of a column, the oldest window first.

    `windows` are in order of time. Findings that are no alerts never count; see `RetrainConfig` for those that do.
    """
    counted = [finding for finding in findings if not config.metrics or finding.metric in config.metrics]
    places = {window.name: place for place, window in enumerate(windows)}
    alerts: list[Finding] = []
    for area in config.areas:
        own = [finding for finding in counted if finding.area == area]
        # Labels come late: the last window that quality can be judged in is often an earlier one than drift's.
        judged = sorted({finding.window for finding in own if is_judged(finding)}, key=lambda name: places[name])
        recent = judged[-config.num_windows :]
        alerts += [finding for finding in own if finding.status == "alert" and finding.window in recent]
    if len(alerts) < config.min_alerts:
        return False, ()
    alerts.sort(key=lambda finding: (places[finding.window], finding.area))
    return True, _list_reasons(alerts)


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
