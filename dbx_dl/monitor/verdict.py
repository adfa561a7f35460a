"""Whether findings call for a training, and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
    """Whether to train anew, and the alerts that say so as sentences, the oldest window first.

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
    """Alerts, warnings and other judged findings as a table of text, header first, the worst first."""
    judged = sorted((it for it in findings if is_judged(it)), key=lambda it: _ORDER.index(it.status))
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


def describe_finding(finding: Finding) -> str:
    """A finding as one line: where, what, how much, and what it may be."""
    place = ": ".join(part for part in (finding.column, finding.part) if part)
    value = "not measured" if finding.value is None else f"{finding.value:.4g}"
    interval = "" if finding.low is None or finding.high is None else f" ({finding.low:.4g} to {finding.high:.4g})"
    beside = [f"{name} {number:.4g}" for name, number in _list_beside(finding) if number is not None]
    words = f"{finding.metric.replace('_', ' ')} {value}{interval}{', ' + ', '.join(beside) if beside else ''}"
    return f"{finding.window}, {finding.area}{', ' + place if place else ''}: {words}"


def _show(number: float | None) -> str:
    return "–" if number is None else f"{number:.4g}"


def _list_beside(finding: Finding) -> Iterable[tuple[str, float | None]]:
    return (("baseline", finding.baseline), ("limit", finding.limit), ("adjusted p", finding.adjusted_p_value))


def _list_reasons(alerts: Sequence[Finding]) -> tuple[str, ...]:
    shown = tuple(describe_finding(finding) for finding in alerts[:MAX_REASONS])
    num_more = len(alerts) - len(shown)
    return (*shown, f"and {num_more} more alerts") if num_more else shown
