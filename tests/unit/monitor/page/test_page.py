"""The page tells the verdict, draws both sides, and takes no text of the data for markup."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, cast

import pytest

from dbx_dl.figures import encode_png
from dbx_dl.monitor.page.figures import Point, figure_over_windows, groups_with_intervals, value_shift
from dbx_dl.monitor.page.shapes import ValueBars
from dbx_dl.monitor.page.view import collect_series, group_columns, lay_grid, show_number
from dbx_dl.monitor.page.write import render_page, write_page
from tests.unit.monitor.page.looks import list_findings, make_page, make_windows

WINDOWS = make_windows(3)


@pytest.fixture(scope="module")
def text() -> str:
    return render_page(make_page())


def test_the_verdict_comes_first(text: str) -> None:
    assert text.index("Train anew") < text.index("2026-03-08, drift, age: psi 0.45, limit 0.2") < text.index("Drift")
    assert "2 rows have no scored_at" in text


def test_a_quiet_look_says_so() -> None:
    quiet = render_page(make_page(1, is_quiet=True))
    assert "All quiet" in quiet and "No check fired in 1 window." in quiet and "Train anew" not in quiet


def test_everything_is_in_the_file_itself(text: str) -> None:
    assert not re.findall(r'(?:src|href)="(?!data:|#)', text)
    assert text.count("data:image/png") >= 2 * 8


def test_names_of_the_data_are_no_markup() -> None:
    page = make_page(1)
    named = page.monitored.findings[0].model_copy(update={"column": "<script>alert(1)</script>", "status": "alert"})
    monitored = page.monitored.model_copy(update={"findings": (named, *page.monitored.findings)})
    text = render_page(type(page)(page.watched, page.look, monitored, page.measured, page.earlier))
    assert "<script>" not in text and "&lt;script&gt;" in text


def test_names_of_the_data_are_no_formulas() -> None:
    bars = ValueBars(("$5 to $", "_^$$"), (0.5, 0.5), (0.1, 0.9))
    points = [Point("$a_$", 0.5), Point("b$^$", 0.2)]
    for figure in (value_shift(bars), groups_with_intervals(points), figure_over_windows(points)):
        assert encode_png(figure)


def test_a_page_that_cannot_be_written_ends_no_look(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("mine")
    assert not write_page(cast(Any, None), make_page(1), tmp_path / "file" / "monitor.html")
    assert "no page is written to" in caplog.text and (tmp_path / "file").read_text() == "mine"


def test_the_worst_column_is_first() -> None:
    own = [it for it in list_findings(WINDOWS) if it.area == "drift" and it.window == WINDOWS[-1].name]
    columns = group_columns(own)
    assert [(column.name, column.status) for column in columns] == [
        ("age", "alert"),
        ("colour", "ok"),
        ("rare", "unsure"),
    ]
    assert [it.metric for it in columns[0].findings] == ["psi", "kolmogorov_smirnov", "null_share"]


def test_what_several_figures_of_a_column_have_in_common_is_said_once(text: str) -> None:
    assert text.count('<p class="soft small">only 12 rows have a value</p>') == 1


def test_cells_say_the_worst() -> None:
    grid = {area: [cell.status for cell in cells] for area, cells in lay_grid(list_findings(WINDOWS), WINDOWS)}
    assert grid["drift"] == ["ok", "ok", "alert"] and grid["quality"] == ["ok", "ok", "warning"]
    assert grid["fairness"] == [None, None, "alert"] and list(grid) == ["drift", "quality", "fairness", "operations"]


def test_figures_follow_their_windows() -> None:
    series = {each.title: each for each in collect_series(list_findings(WINDOWS)[::-1], WINDOWS)}
    assert [point.name for point in series["accuracy"].points] == [window.name for window in WINDOWS]
    assert [point.is_alert for point in series["psi of age"].points] == [False, False, True]
    assert "psi of rare" not in series


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "–"), (3.0, "3"), (1234567.0, "1,234,567"), (0.123456, "0.1235"), (float("inf"), "inf"), (1e-12, "1e-12")],
)
def test_numbers_are_short(value: float | None, shown: str) -> None:
    assert show_number(value) == shown
