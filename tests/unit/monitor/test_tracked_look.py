"""Which figures of a look MLflow gets, and under which names."""

from __future__ import annotations

import pytest
from mlflow.utils.validation import _validate_metric_name

from dbx_dl.contracts import Finding, Monitored
from dbx_dl.monitor.tracked_look import list_figures, name_figure
from tests.unit.monitor.page.looks import SCORES, finding, list_findings, make_windows

WINDOWS = make_windows(2)


def look(findings: tuple[Finding, ...]) -> Monitored:
    return Monitored(source=SCORES, windows=WINDOWS, findings=findings, should_retrain=False)


def test_figures_have_their_window_as_step() -> None:
    figures = list_figures(look(list_findings(WINDOWS)))
    assert {(name, step): value for name, step, value in figures}["drift.psi.age", 1] == 0.45
    assert ("quality.accuracy", 0, 0.96) in figures and ("drift.alerts", 0, 0.0) in figures
    assert ("drift.alerts", 1, 2.0) in figures and ("fairness.alerts", 1, 1.0) in figures
    assert not [name for name, _, _ in figures if "rare" in name]


@pytest.mark.parametrize(
    ("column", "part", "name"),
    [
        ("", "", "drift.psi"),
        ("mean (cm²)", "a|b = 'c'", "drift.psi.mean _cm²_.a_b _ _c_"),
        ("https://a//b/", "../x/", "drift.psi.https:__a__b_..._x_"),
        ("x" * 300, "", "drift.psi." + "x" * 240),
    ],
)
def test_names_are_those_that_mlflow_takes(column: str, part: str, name: str) -> None:
    assert name_figure(finding("w", "drift", "psi", 1.0, "ok", column=column, part=part)) == name
    _validate_metric_name(name)


def test_of_too_many_figures_those_that_fired_come_first() -> None:
    many = tuple(finding(WINDOWS[0].name, "drift", "psi", 0.0, "told", column=f"c{place}") for place in range(1200))
    alert = finding(WINDOWS[0].name, "drift", "psi", 0.9, "alert", column="bad")
    figures = list_figures(look((*many, alert)))
    assert len(figures) == 1000 and ("drift.psi.bad", 0, 0.9) in figures
