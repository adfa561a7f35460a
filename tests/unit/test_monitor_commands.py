"""When `dbx-dl monitor --fail-on` ends with an exit code of its own, and what is told."""

from __future__ import annotations

import pytest

from dbx_dl.contracts import Monitored
from dbx_dl.monitor.verdict import tabulate_findings
from dbx_dl.monitor_commands import FailOn, has_fired, list_lines
from tests.unit.monitor.page.looks import SCORES, list_findings, make_windows

WINDOWS = make_windows(2)


def look(*, should_retrain: bool, has_alerts: bool) -> Monitored:
    findings = tuple(it for it in list_findings(WINDOWS) if has_alerts or it.status != "alert")
    return Monitored(source=SCORES, windows=WINDOWS, findings=findings, should_retrain=should_retrain)


@pytest.mark.parametrize(
    ("fail_on", "should_retrain", "has_alerts", "expected"),
    [
        (None, True, True, False),
        (FailOn.alert, False, False, False),
        (FailOn.alert, False, True, True),
        (FailOn.alert, True, True, True),
        (FailOn.retrain, False, True, False),
        (FailOn.retrain, True, True, True),
    ],
)
def test_only_what_is_asked_for_fails(
    fail_on: FailOn | None, should_retrain: bool, has_alerts: bool, expected: bool
) -> None:
    assert has_fired(look(should_retrain=should_retrain, has_alerts=has_alerts), fail_on) is expected


def test_the_verdict_is_a_line() -> None:
    monitored = look(should_retrain=True, has_alerts=True).model_copy(update={"table": SCORES, "report": "m.html"})
    assert list_lines(monitored) == [
        "monitored: main.shop.scores, 2 windows, 2026-03-01 to 2026-03-02: 3 alerts, train anew",
        "findings: main.shop.scores version 41",
        "report: m.html",
    ]
    nothing = Monitored(source=SCORES, windows=(), findings=(), should_retrain=False)
    assert list_lines(nothing) == ["monitored: main.shop.scores version 41, nothing to look at"]


def test_the_worst_findings_are_listed_first() -> None:
    header, *rows = tabulate_findings(list_findings(WINDOWS), 3)
    assert header[:3] == ("", "window", "area") and [row[0] for row in rows[:3]] == ["alert"] * 3
    assert rows[0] == ("alert", "2026-03-02", "drift", "age", "psi", "0.45", "–", "0.2")
    assert rows[-1][0] == "and 2 more" and len({len(row) for row in (header, *rows)}) == 1
