"""Findings as a page shows them: which columns first, which figures over windows, and how each cell reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING

from dbx_dl.monitor.page.figures import Point

if TYPE_CHECKING:
    from dbx_dl.contracts import Area, Finding, FindingStatus, Window

AREAS: tuple[Area, ...] = ("drift", "quality", "fairness", "operations")
# The worst first.
STATUSES: tuple[FindingStatus, ...] = ("alert", "warning", "ok", "unsure", "told")


@dataclass(frozen=True)
class Cell:
    """The worst that was found of an area in a window, and how many alerts and warnings there are."""

    window: str
    status: FindingStatus | None
    num_alerts: int = 0
    num_warnings: int = 0


@dataclass(frozen=True)
class ColumnDrift:
    """What was found of one column in one window, the worst finding first."""

    name: str
    findings: tuple[Finding, ...]

    @property
    def status(self) -> FindingStatus:
        """The worst of its findings."""
        return self.findings[0].status


@dataclass(frozen=True)
class Series:
    """One figure over windows, in their order."""

    findings: tuple[Finding, ...]

    @property
    def last(self) -> Finding:
        """The figure of the last window."""
        return self.findings[-1]

    @property
    def title(self) -> str:
        """What it is a figure of."""
        return name_finding(self.last)

    @property
    def points(self) -> list[Point]:
        """The figure as a picture takes it."""
        return [to_point(it, it.window) for it in self.findings]


def name_finding(finding: Finding) -> str:
    """A finding's metric, and what it is of."""
    of = ", ".join(part for part in (finding.column, finding.part) if part)
    words = finding.metric.replace("_", " ")
    return f"{words} of {of}" if of else words


def to_point(finding: Finding, name: str) -> Point:
    """A finding that has a value as a point of a picture."""
    value = 0.0 if finding.value is None else finding.value
    return Point(name, value, finding.low, finding.high, is_alert=finding.status == "alert")


def rank_finding(finding: Finding) -> tuple[int, float]:
    """The worse a finding is, the less; of one status by how far it is from what it may be."""
    ratio = 0.0
    if finding.value is not None and finding.limit:
        ratio = abs(finding.value / finding.limit)
    return STATUSES.index(finding.status), -ratio


def lay_grid(findings: Sequence[Finding], windows: Sequence[Window]) -> list[tuple[Area, list[Cell]]]:
    """A row of cells for each area of which anything was found, a cell for each window."""
    present = [area for area in AREAS if any(finding.area == area for finding in findings)]
    return [(area, [_lay_cell(findings, area, window.name) for window in windows]) for area in present]


def _lay_cell(findings: Sequence[Finding], area: Area, window: str) -> Cell:
    own = [finding.status for finding in findings if finding.area == area and finding.window == window]
    if not own:
        return Cell(window, None)
    return Cell(window, min(own, key=STATUSES.index), own.count("alert"), own.count("warning"))


def group_columns(findings: Sequence[Finding]) -> list[ColumnDrift]:
    """Findings of one window by column, the worst column first."""
    by_column: dict[str, list[Finding]] = {}
    for finding in findings:
        by_column.setdefault(finding.column, []).append(finding)
    columns = [ColumnDrift(name, tuple(sorted(own, key=rank_finding))) for name, own in by_column.items()]
    return sorted(columns, key=lambda column: (rank_finding(column.findings[0]), column.name))


def collect_series(findings: Sequence[Finding], windows: Sequence[Window]) -> list[Series]:
    """Figures that at least one window has a value of, the worst in their last window first."""
    places = {window.name: place for place, window in enumerate(windows)}
    found: dict[tuple[str, ...], list[Finding]] = {}
    for finding in findings:
        if finding.value is not None and finding.window in places:
            found.setdefault((finding.area, finding.column, finding.part, finding.metric), []).append(finding)
    series = [Series(tuple(sorted(own, key=lambda it: places[it.window]))) for own in found.values()]
    return sorted(series, key=lambda it: (rank_finding(it.last), it.title))


def find_last_window(findings: Sequence[Finding], area: Area, windows: Sequence[Window]) -> str | None:
    """The last window in which anything of an area was judged, or else found."""
    for statuses in (STATUSES[:3], STATUSES):
        own = {it.window for it in findings if it.area == area and it.status in statuses}
        for window in reversed(windows):
            if window.name in own:
                return window.name
    return None


def show_number(value: float | None) -> str:
    """A figure in four digits, or a dash."""
    if value is None:
        return "–"
    if isfinite(value) and value == int(value) and abs(value) < 1e9:
        return f"{int(value):,}"
    return f"{value:.4g}"


def show_interval(finding: Finding) -> str:
    """The interval around a figure, or nothing."""
    if finding.low is None or finding.high is None:
        return ""
    return f"{finding.low:.4g} … {finding.high:.4g}"
