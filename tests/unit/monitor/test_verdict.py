"""Which findings call for a training, and what is told of them."""

from __future__ import annotations

from typing import Any

import pytest

from dbx_dl.config.retrain import RetrainConfig
from dbx_dl.contracts import Finding, Target, Window
from dbx_dl.errors import ConfigError
from dbx_dl.monitor.verdict import MAX_REASONS, decide, describe_findings
from dbx_dl.monitor.verdict_metrics import require_metrics

WINDOWS = tuple(Window(name=f"2026-01-0{day}") for day in (1, 2, 3))


def make(day: int, area: str = "drift", status: str = "alert", **changes: Any) -> Finding:
    values = {"window": f"2026-01-0{day}", "area": area, "metric": "psi", "value": 0.5, "num_rows": 100, **changes}
    return Finding.model_validate({**values, "status": status})


@pytest.mark.parametrize(
    ("findings", "config", "expected"),
    [
        ([], {}, False),
        ([make(3)], {}, True),
        ([make(3, status="warning"), make(3, status="unsure"), make(3, status="told")], {}, False),
        # What was wrong before the last window that was judged does not call again.
        ([make(2), make(3, status="ok")], {}, False),
        ([make(2), make(3, status="ok")], {"num_windows": 2}, True),
        # A window that is still too small to be judged does not hide the one before.
        ([make(2), make(3, status="unsure")], {}, True),
        # Labels come late: each area has a last window of its own.
        ([make(1, "quality"), make(3, status="ok")], {}, True),
        ([make(3, "fairness"), make(3, "operations")], {}, False),
        ([make(3, "fairness")], {"areas": ("fairness",)}, True),
        ([make(3)], {"min_alerts": 2}, False),
        ([make(3), make(3, "quality", metric="accuracy")], {"min_alerts": 2}, True),
        ([make(3), make(3, metric="accuracy")], {"min_alerts": 2, "metrics": ("psi",)}, False),
    ],
)
def test_alerts_of_the_last_judged_windows_call_for_a_training(
    findings: list[Finding], config: dict[str, Any], expected: bool
) -> None:
    should_retrain, reasons = decide(findings, WINDOWS, RetrainConfig.model_validate(config))
    assert should_retrain is expected and bool(reasons) is expected


@pytest.mark.parametrize(
    ("own", "config", "expected"),
    [
        ([make(3)], {"num_windows": 2, "min_alerts": 2}, True),
        ([make(3)], {"num_windows": 1, "min_alerts": 2}, False),
        ([make(3, "quality")], {"min_alerts": 2}, True),
        # What earlier looks have called for is not called for again.
        ([make(3, status="ok")], {"num_windows": 2}, False),
        ([make(3, status="unsure")], {}, False),
    ],
)
def test_earlier_looks_count_beside_what_is_found_now(
    own: list[Finding], config: dict[str, Any], expected: bool
) -> None:
    before = WINDOWS[:2], (make(1, status="ok"), make(2))
    should_retrain, reasons = decide(own, WINDOWS[2:], RetrainConfig.model_validate(config), before)
    assert should_retrain is expected and len(reasons) == (2 if expected else 0)


def test_names_under_which_nothing_is_found_are_refused() -> None:
    target = Target(task="binary", column="y", label_names=("a", "b"))
    require_metrics(("psi", "accuracy", "slice_error", "demographic_parity_ratio", "error_share"), target)
    with pytest.raises(ConfigError, match=r"nothing is found under 'acuracy'; did you mean 'accuracy'\?"):
        require_metrics(("acuracy",), target)
    with pytest.raises(ConfigError, match="under 'rmse'"):
        require_metrics(("rmse",), target)


def test_reasons_say_where_what_and_how_much() -> None:
    finding = make(3, column="age", part="2", low=0.4, high=0.6, baseline=0.0, limit=0.2, adjusted_p_value=0.00012)
    assert decide([finding], WINDOWS, RetrainConfig())[1] == (
        "2026-01-03, drift, age: 2: psi 0.5 (0.4 to 0.6), baseline 0, limit 0.2, adjusted p 0.00012",
    )
    assert describe_findings([make(3, value=None)]) == "2026-01-03, drift: psi not measured"


def test_figures_of_one_column_are_one_reason() -> None:
    findings = [make(3, column="age"), make(3, column="age", metric="wasserstein", limit=0.25), make(3, column="size")]
    assert decide(findings, WINDOWS, RetrainConfig())[1] == (
        "2026-01-03, drift, age: psi 0.5; wasserstein 0.5, limit 0.25",
        "2026-01-03, drift, size: psi 0.5",
    )


def test_many_reasons_are_counted() -> None:
    reasons = decide([make(3, column=f"c{place}") for place in range(30)], WINDOWS, RetrainConfig())[1]
    assert len(reasons) == MAX_REASONS + 1 and reasons[-1] == "and 10 more alerts"
