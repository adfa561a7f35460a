"""Windows of the training distribution are quiet as often as asked, and shifts of a stated size are found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import stats

from dbx_dl.config import DriftConfig
from dbx_dl.monitor.drift.comparing import compare_windows
from tests.unit.monitor.drift.drawn_rows import Columns, count, fit

if TYPE_CHECKING:
    from dbx_dl.contracts import Finding

CONFIG = DriftConfig()
# A check fires where its difference is sure and large; without limits only the first counts.
WITHOUT_LIMITS = DriftConfig(
    psi=0,
    kolmogorov_smirnov=0,
    wasserstein=0,
    jensen_shannon=0,
    null_share=0,
    unseen_share=0,
    frechet=0,
    classifier=0.5,
)
NUM_BASELINE = 4000


def draw(rng: np.random.Generator, size: int) -> Columns:
    """Columns as tables have them: even, skewed, with ties, mostly one value, with nulls, few values and very many."""
    zipf = 1 / np.arange(1, 2001)
    normal = rng.normal(size=size)
    return {
        "normal": normal,
        "skewed": rng.lognormal(0, 1.5, size),
        "like normal": normal + 0.3 * rng.normal(size=size),
        "whole": rng.poisson(3, size).astype(np.float64),
        "mostly zero": np.where(rng.random(size) < 0.7, 0.0, rng.exponential(size=size)),
        "with nulls": np.where(rng.random(size) < 0.1, np.nan, rng.normal(size=size)),
        "flag": (rng.random(size) < 0.02).astype(np.float64),
        "constant": np.full(size, 7.0),
        "town": rng.choice(["a", "b", "c", "d", ""], size, p=[0.4, 0.3, 0.19, 0.01, 0.1]),
        "rare": rng.choice([f"v{i}" for i in range(90)], size, p=(zipf[:90] ** 1.5) / (zipf[:90] ** 1.5).sum()),
        "word": rng.choice([f"w{i}" for i in range(2000)], size, p=zipf / zipf.sum()),
        "embedding": rng.normal(size=(size, 6)) * np.arange(1, 7),
    }


@pytest.mark.parametrize("num_rows", [50, 200, 1000, 5000])
def test_of_the_training_distribution_no_more_windows_fire_than_asked(num_rows: int) -> None:
    num_windows, fired = (200 if num_rows < 1000 else 60), 0
    rng = np.random.default_rng(num_rows)
    for start in range(0, num_windows, 20):
        baseline = fit(draw(rng, NUM_BASELINE))
        windows = {f"{start + i}": count(draw(rng, num_rows), baseline) for i in range(20)}
        found = compare_windows(windows, baseline, WITHOUT_LIMITS)
        fired += len({finding.window for finding in found if finding.status == "alert"})
    # What a binomial of that share exceeds once in ten thousand times.
    assert fired <= stats.binom.isf(1e-4, num_windows, CONFIG.false_alarms)


def test_with_limits_of_size_hardly_any_check_fires() -> None:
    rng = np.random.default_rng(9)
    findings: list[Finding] = []
    for num_rows in (50, 150, 500, 2000):
        baseline = fit(draw(rng, NUM_BASELINE))
        windows = {f"{i}": count(draw(rng, num_rows), baseline) for i in range(40)}
        findings += compare_windows(windows, baseline, CONFIG)
    tested = [finding for finding in findings if finding.p_value is not None]
    assert len(tested) > 5000
    assert sum(finding.status == "alert" for finding in tested) <= 0.001 * len(tested)


def _shift(columns: Columns, name: str, rng: np.random.Generator) -> Columns:
    values, size = columns[name], len(columns[name])
    if name == "normal":
        return columns | {name: values + 0.5}
    if name == "with nulls":
        return columns | {name: np.where(rng.random(size) < 0.05 / 0.9, np.nan, values)}
    if name == "town":
        # b from 30 to 60 % of all rows: the others' places are taken alike.
        return columns | {name: np.where(rng.random(size) < 0.3 / 0.7, "b", values)}
    if name == "rare":
        return columns | {name: np.where(rng.random(size) < 0.03, "new", values)}
    return columns | {name: values + np.array([0.8, 0, 0, 0, 4.0, 0])}


@pytest.mark.parametrize(
    ("name", "metrics"),
    [
        # Its index is about 0.23, so that chance takes it below its limit at times.
        ("normal", {"kolmogorov_smirnov", "wasserstein"}),
        ("with nulls", {"null_share"}),
        ("town", {"psi", "jensen_shannon"}),
        ("rare", {"unseen_share"}),
        ("embedding", {"frechet", "classifier"}),
    ],
)
def test_shifts_of_a_stated_size_are_found(name: str, metrics: set[str]) -> None:
    missed, loud = 0, 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        baseline = fit(draw(rng, NUM_BASELINE))
        shifted = _shift(draw(rng, 3000), name, rng)
        found = compare_windows({"now": count(shifted, baseline)}, baseline, CONFIG)
        alerts = {(finding.column, finding.metric) for finding in found if finding.status == "alert"}
        missed += not metrics <= {metric for column, metric in alerts if column == name}
        loud += any(column != name for column, _ in alerts)
    assert missed <= 1
    assert loud <= 3


def test_small_windows_find_what_is_large() -> None:
    found = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        baseline = fit({"normal": rng.normal(size=NUM_BASELINE)})
        window = count({"normal": rng.normal(1.0, size=60)}, baseline)
        findings = compare_windows({"now": window}, baseline, CONFIG)
        found += any(finding.status == "alert" for finding in findings)
    assert found >= 38


def test_the_corrected_index_is_about_zero_where_nothing_moved() -> None:
    rng = np.random.default_rng(4)
    baseline = fit({"normal": rng.normal(size=NUM_BASELINE)})
    for num_rows in (60, 300):
        windows = {f"{i}": count({"normal": rng.normal(size=num_rows)}, baseline) for i in range(100)}
        values = [f.value for f in compare_windows(windows, baseline, CONFIG) if f.metric == "psi"]
        assert np.mean([value for value in values if value is not None]) < 0.06
