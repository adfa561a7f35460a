"""Write the page of a look: what its pictures show, and the HTML around them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbx_dl.monitor.page.area_views import AreaView, view_area
from dbx_dl.monitor.page.figures import number_shift, value_shift
from dbx_dl.monitor.page.files import ShownFiles, show_files
from dbx_dl.monitor.page.shapes import shape_numbers, shape_values
from dbx_dl.monitor.page.view import (
    ColumnDrift,
    find_last_window,
    group_columns,
    lay_grid,
    rank_finding,
    show_interval,
    show_number,
)
from dbx_dl.monitor.row_counts import ROWS
from dbx_dl.monitor.verdict import order_window
from dbx_dl.page_pictures import Picture, draw_picture
from dbx_dl.runtime.whole_files import write_whole

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from dbx_dl.contracts import Distribution, Distributions, Finding, Monitored, Window
    from dbx_dl.monitor.areas import Measured
    from dbx_dl.monitor.watched import Watched
    from dbx_dl.monitor.windows import Look

logger = logging.getLogger(__name__)

TEMPLATE = "look.html.j2"
# So many columns have a tile, so many windows a place in the grid, so many findings a line at the end.
MAX_TILES, MAX_WINDOWS, MAX_LISTED = 12, 60, 1000


@dataclass(frozen=True)
class LookPage:
    """What a page shows: a look, what it found, and windows and findings of `earlier` looks."""

    watched: Watched
    look: Look
    monitored: Monitored
    measured: Measured
    earlier: tuple[Sequence[Window], Sequence[Finding]] = ((), ())

    @property
    def windows(self) -> list[Window]:
        """Windows of earlier looks that this one did not look at, and this one's, in order of time."""
        own = {window.name for window in self.monitored.windows}
        windows = [*(window for window in self.earlier[0] if window.name not in own), *self.monitored.windows]
        return sorted(windows, key=order_window)[-MAX_WINDOWS:]

    @property
    def num_rows(self) -> dict[str, float]:
        """Predictions that were looked at, by window."""
        return {it.window: it.value or 0.0 for it in self.monitored.findings if it.metric in ROWS and not it.part}

    @property
    def findings(self) -> list[Finding]:
        """What was found in these windows."""
        own = {window.name for window in self.monitored.windows}
        return [*(it for it in self.earlier[1] if it.window not in own), *self.monitored.findings]


def write_page(spark: SparkSession, page: LookPage, path: Path) -> bool:
    """Write the page to `path`, all or nothing; False with a warning where it cannot be drawn or written.

    Whatever that fails with, what was found is there: a look does not end for want of its page.
    """
    try:
        files = None
        if "drift" in page.watched.config.areas:
            files = show_files(spark, page.look, page.watched.prepared, page.num_rows)
        text = render_page(page, files)
        with write_whole(path) as partial:
            partial.write_text(text, encoding="utf-8")
    except ImportError as error:
        logger.warning("no page is written: %s; pip install 'dbx_dl[report]'", error)
        return False
    except Exception as error:
        logger.warning("no page is written to %s: %s: %s", path, type(error).__name__, error)
        logger.debug("where the page failed", exc_info=True)
        return False
    logger.info("Report: %s", path)
    return True


def render_page(page: LookPage, files: ShownFiles | None = None) -> str:
    """The page as text; nothing is read here but the templates."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    here = Path(__file__).parent
    environment = Environment(
        loader=FileSystemLoader([here, here.parent / "run_report"]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    environment.filters |= {"number": show_number, "interval": show_interval}
    return environment.get_template(TEMPLATE).render(_describe(page, files))


def _describe(page: LookPage, files: ShownFiles | None) -> dict[str, Any]:
    watched, monitored = page.watched, page.monitored
    drift_window = find_last_window(monitored.findings, "drift", monitored.windows)
    drift = [it for it in monitored.findings if it.area == "drift" and it.window == drift_window]
    columns = group_columns([it for it in drift if it.column])
    prepared = watched.prepared.table
    return {
        "title": f"Monitoring of {watched.run}",
        "written": datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
        "monitored": monitored,
        "notes": page.measured.notes,
        "facts": _list_facts(page),
        "grid": lay_grid(page.findings, page.windows),
        "grid_windows": page.windows,
        "drift_window": drift_window,
        "baseline_name": f"{prepared.name}@v{prepared.version}",
        "columns": [
            {"column": column, "picture": _draw_shift(page, column, drift_window)} for column in columns[:MAX_TILES]
        ],
        "num_more_columns": max(0, len(columns) - MAX_TILES),
        "files": files,
        "areas": _view_areas(page),
        "listed": sorted(monitored.findings, key=rank_finding)[:MAX_LISTED],
    }


def _list_facts(page: LookPage) -> list[tuple[str, str, str]]:
    """What, how much, and a remark."""
    watched, monitored = page.watched, page.monitored
    rows = page.num_rows.values()
    windows, model = monitored.windows, watched.model
    span = windows[0].name if len(windows) == 1 else f"{windows[0].name} to {windows[-1].name}"
    judged = [it for it in monitored.findings if it.status in ("ok", "warning", "alert")]
    warnings = sum(it.status == "warning" for it in judged)
    return [
        ("predictions", show_number(sum(rows)), f"in {len(windows)} window{'s' if len(windows) != 1 else ''}, {span}"),
        ("checks", show_number(float(len(judged))), f"{len(monitored.alerts)} alerts, {warnings} warnings"),
        ("model", f"{model.name}{f' v{model.version}' if model.version else ''}", "of the newest predictions"),
        ("baseline", f"version {watched.prepared.table.version}", watched.prepared.table.name),
    ]


def _draw_shift(page: LookPage, column: ColumnDrift, window: str | None) -> Picture | None:
    """A column's distribution in the window beside the baseline's; None where it was not counted."""
    counted = page.measured.windows.get(window or "")
    one, two = _find(page.measured.baseline, column.name), _find(counted, column.name)
    if one is None or two is None:
        return None
    if one.kind == "number":
        bars = shape_numbers(one, two)
        return None if bars is None else draw_picture(column.name, lambda dark: number_shift(bars, dark=dark))
    values = shape_values(one, two)
    return None if values is None else draw_picture(column.name, lambda dark: value_shift(values, dark=dark))


def _find(distributions: Distributions | None, name: str) -> Distribution | None:
    found = () if distributions is None else distributions.columns
    return next((each for each in found if each.name == name), None)


def _view_areas(page: LookPage) -> list[AreaView]:
    views = [view_area(area, page.findings, page.windows) for area in ("drift", "quality", "fairness", "operations")]
    return [view for view in views if view is not None]
