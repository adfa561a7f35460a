"""What a page shows of one area: figures over windows, groups with intervals, and a list of figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dbx_dl.monitor.page.figures import figure_over_windows, groups_with_intervals, reliability
from dbx_dl.monitor.page.view import Series, collect_series, find_last_window, name_finding, rank_finding, to_point
from dbx_dl.monitor.quality.calibration import RELIABILITY
from dbx_dl.page_pictures import Picture, draw_picture

if TYPE_CHECKING:
    from dbx_dl.contracts import Area, Finding, Window

TITLES: dict[Area, str] = {
    "drift": "Drift over windows",
    "quality": "Quality",
    "fairness": "Fairness",
    "operations": "Operations",
}
MAX_PICTURES, MAX_LISTED, MAX_GROUPS = 6, 40, 25


@dataclass(frozen=True)
class AreaView:
    """A section of the page: pictures, and the findings that are listed."""

    title: str
    remark: str
    pictures: tuple[Picture, ...]
    findings: tuple[Finding, ...]


def view_area(area: Area, findings: Sequence[Finding], windows: Sequence[Window]) -> AreaView | None:
    """The section of an area, None where there is nothing to show: of drift only what has several windows."""
    own = [finding for finding in findings if finding.area == area]
    last = find_last_window(own, area, windows)
    if last is None:
        return None
    pictures = _draw_series([each for each in collect_series(own, windows) if each.last.status != "told"])
    if area == "drift":
        return AreaView(TITLES[area], "", pictures, ()) if pictures else None
    latest = [finding for finding in own if finding.window == last]
    bins = [finding for finding in latest if finding.metric == RELIABILITY]
    others = [finding for finding in latest if finding.metric != RELIABILITY]
    pictures += (*_draw_reliability(bins), *_draw_groups(others))
    listed = tuple(sorted(others, key=rank_finding)[:MAX_LISTED])
    more = f", the {MAX_LISTED} that matter most of {len(others)} figures" if len(others) > MAX_LISTED else ""
    return AreaView(TITLES[area], f"Window {last}{more}.", pictures, listed)


def _draw_series(series: Sequence[Series]) -> tuple[Picture, ...]:
    """The worst figures that several windows have."""
    return tuple(_draw_one(each) for each in series if len(each.findings) > 1)[:MAX_PICTURES]


def _draw_one(series: Series) -> Picture:
    last = series.last
    return draw_picture(
        series.title,
        lambda dark: figure_over_windows(series.points, baseline=last.baseline, limit=last.limit, dark=dark),
    )


def _draw_reliability(bins: Sequence[Finding]) -> tuple[Picture, ...]:
    """How often predictions of about one probability came true, where their mean probability is known."""
    found = [(it.baseline, to_point(it, it.part)) for it in bins if it.baseline is not None and it.value is not None]
    points = sorted(found, key=lambda pair: pair[0])
    return (draw_picture("reliability", lambda dark: reliability(points, dark=dark)),) if points else ()


def _draw_groups(findings: Sequence[Finding]) -> tuple[Picture, ...]:
    """A picture for each column and metric that several parts have a figure with an interval of."""
    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        if finding.part and finding.value is not None and finding.low is not None:
            groups.setdefault((finding.column, finding.metric), []).append(finding)
    return tuple(_draw_group(own) for own in groups.values() if len(own) > 1)[:MAX_PICTURES]


def _draw_group(findings: Sequence[Finding]) -> Picture:
    points = [to_point(finding, finding.part) for finding in findings][:MAX_GROUPS]
    title = name_finding(findings[0].model_copy(update={"part": ""}))
    baselines = {finding.baseline for finding in findings}
    baseline = baselines.pop() if len(baselines) == 1 else None
    return draw_picture(title, lambda dark: groups_with_intervals(points, baseline=baseline, dark=dark))
