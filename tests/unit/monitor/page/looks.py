"""A look with something of everything, made without Spark."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import numpy as np

from dbx_dl.config import MonitorConfig, ScoreConfig, TrackingConfig
from dbx_dl.contracts import (
    Distribution,
    Distributions,
    Finding,
    FindingStatus,
    Monitored,
    TableVersion,
    Window,
)
from dbx_dl.monitor.areas import Measured
from dbx_dl.monitor.page.write import LookPage
from dbx_dl.monitor.watched import Watched
from dbx_dl.monitor.watched_model import WatchedModel
from tests.prepared_tables import SPEC, describe

START = datetime(2026, 3, 1, tzinfo=UTC)
SCORES = TableVersion(name="main.shop.scores", path="/scores", version=41)
EDGES = tuple(np.quantile(np.random.default_rng(0).normal(40, 12, 5000), np.linspace(0.02, 0.98, 49)).tolist())


def make_windows(num: int) -> tuple[Window, ...]:
    days = [START + timedelta(days=day) for day in range(num)]
    return tuple(Window(name=f"{day:%Y-%m-%d}", start=day, end=day + timedelta(days=1)) for day in days)


def count_numbers(values: np.ndarray, num_nulls: int = 0) -> Distribution:
    counts = np.bincount(np.searchsorted(EDGES, values, side="right"), minlength=len(EDGES) + 1)
    return Distribution(
        column="age",
        kind="number",
        num_rows=len(values) + num_nulls,
        num_nulls=num_nulls,
        counts=tuple(counts.tolist()),
        edges=EDGES,
        minimum=float(values.min()),
        maximum=float(values.max()),
    )


def count_values(column: str, counts: dict[str, int], other: int = 0, num_nulls: int = 0) -> Distribution:
    return Distribution(
        column=column,
        kind="category",
        num_rows=sum(counts.values()) + other + num_nulls,
        num_nulls=num_nulls,
        counts=(*counts.values(), other),
        values=tuple(counts),
    )


def finding(window: str, area: str, metric: str, value: float | None, status: FindingStatus, **more: Any) -> Finding:
    values = {"window": window, "area": area, "metric": metric, "value": value, "num_rows": 1000, "status": status}
    return Finding.model_validate({**values, **more})


def list_findings(windows: tuple[Window, ...]) -> tuple[Finding, ...]:
    """The last window has drifted and is worse than before."""
    found = []
    for place, window in enumerate(windows):
        name, is_last = window.name, place == len(windows) - 1
        bad: FindingStatus = "alert" if is_last else "ok"
        psi = 0.45 if is_last else 0.01 * place
        found += [
            finding(name, "drift", "psi", psi, bad, column="age", limit=0.2, adjusted_p_value=1e-9 if is_last else 0.4),
            finding(name, "drift", "kolmogorov_smirnov", psi / 2, bad, column="age", limit=0.1),
            finding(name, "drift", "null_share", 0.0, "ok", column="age", limit=0.02, baseline=0.0),
            finding(name, "drift", "jensen_shannon", 0.02, "ok", column="colour", limit=0.1, baseline=0.0),
            finding(name, "drift", "psi", None, "unsure", column="rare", detail="only 12 rows have a value"),
            finding(name, "drift", "null_share", None, "unsure", column="rare", detail="only 12 rows have a value"),
            finding(
                name, "quality", "accuracy", 0.96 - 0.01 * place, "warning" if is_last else "ok",
                low=0.94 - 0.01 * place, high=0.98 - 0.01 * place, baseline=0.97, limit=0.9,
            ),
            finding(name, "operations", "rows_scored", 1000.0 + place, "told"),
            finding(name, "operations", "error_share", 0.01, "ok", low=0.005, high=0.02, limit=0.05),
        ]  # fmt: skip
    last = windows[-1].name
    found += [
        finding(
            last, "quality", "reliability", share, "told", part=part, low=share - 0.05, high=share + 0.05, baseline=p
        )
        for part, share, p in (("0 to 0.2", 0.1, 0.12), ("0.4 to 0.6", 0.62, 0.5), ("0.8 to 1", 0.85, 0.93))
    ]
    found += [
        finding(last, "quality", "slice_error", 0.4, "warning", part="colour = red, age < 30", baseline=0.1),
        *(
            finding(
                last,
                "quality",
                "accuracy",
                value,
                "told",
                column="colour",
                part=f"colour = {colour}",
                low=value - 0.03,
                high=value + 0.03,
                baseline=0.89,
            )
            for colour, value in (("red", 0.7), ("blue", 0.95))
        ),
        finding(last, "fairness", "selection_rate", 0.5, "told", column="sex", part="f", low=0.45, high=0.55),
        finding(last, "fairness", "selection_rate", 0.3, "told", column="sex", part="m", low=0.25, high=0.35),
        finding(last, "fairness", "demographic_parity_difference", 0.2, "alert", column="sex", limit=0.1),
    ]
    return tuple(found)


def make_page(num_windows: int = 8, *, is_quiet: bool = False) -> LookPage:
    windows, random = make_windows(num_windows), np.random.default_rng(1)
    baseline = count_numbers(random.normal(40, 12, 5000), 20)
    moved = count_numbers(random.normal(46, 10, 1000))
    colours = count_values("colour", {"red": 500, "blue": 300, "<b>green</b>": 200}, 12, 30)
    shifted = count_values("colour", {"red": 90, "blue": 60, "<b>green</b>": 90}, 40)
    last = Distributions(num_rows=1000, columns=(moved, shifted))
    findings = list_findings(windows)
    if is_quiet:
        findings = tuple(it for it in findings if it.status not in ("alert", "warning"))
    monitored = Monitored(
        source=SCORES,
        windows=windows[-1:],
        findings=tuple(it for it in findings if it.window == windows[-1].name),
        should_retrain=not is_quiet,
        reasons=() if is_quiet else ("2026-03-08, drift, age: psi 0.45, limit 0.2",),
    )
    earlier = windows[:-1], tuple(it for it in findings if it.window != windows[-1].name)
    measured = Measured(
        monitored.findings, Distributions(num_rows=5020, columns=(baseline, colours)), {windows[-1].name: last},
        ("2 rows have no scored_at and are in no window",),
    )  # fmt: skip
    return LookPage(make_watched(), cast(Any, None), monitored, measured, earlier)


def make_watched() -> Watched:
    prepared = describe(Path("/tables/customers"), 7, {"train": 5020, "test": 800}, SPEC, ("stays", "leaves"))
    score = ScoreConfig(source="s", source_format="delta", model="models:/churn@champion", table=SCORES.name)
    model = WatchedModel("models:/churn/3", "churn", 3, "0" * 64, None)
    return Watched("churn", MonitorConfig(), score, TrackingConfig(), model, prepared)
