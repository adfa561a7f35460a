"""Metrics fire where a model got worse beyond chance, and not where windows are small."""

from __future__ import annotations

import numpy as np
import pytest

from dbx_dl.config import QualityConfig
from dbx_dl.contracts import Estimate, Finding, QualityBaseline, Target
from dbx_dl.monitor.quality.judging import find_tolerance, judge_metrics
from dbx_dl.monitor.quality.labelled_sample import LabelledRows
from dbx_dl.monitor.quality.window_metrics import Measured, measure_metrics

CONFIG = QualityConfig(num_resamples=100, metrics=("accuracy", "log_loss"))
TARGET = Target(task="binary", column="y", label_names=("no", "yes"))


def draw_window(random: np.random.Generator, name: str, num_rows: int, *, turned: float = 0.0) -> Measured:
    """A window whose probabilities are right, or in a share of the rows turned around."""
    probability = random.beta(0.5, 0.5, num_rows)
    labels = (random.random(num_rows) < probability).astype(np.int64)
    probability = np.where(random.random(num_rows) < turned, 1 - probability, probability)
    predictions = np.stack([1 - probability, probability], axis=1)
    rows = LabelledRows(labels, predictions, np.ones(num_rows, int), num_rows)
    return Measured(name, "", None, num_rows, num_rows, measure_metrics(rows, TARGET, CONFIG))


def judge(windows: list[Measured], baseline: QualityBaseline | None, config: QualityConfig = CONFIG) -> dict[str, str]:
    found = judge_metrics(windows, config.metrics, config, baseline, {})
    return {f"{f.window} {f.metric}": f.status for f in found if f.metric in ("accuracy", "log_loss")}


def draw_baseline(random: np.random.Generator, num_rows: int) -> QualityBaseline:
    """What the test split said: plain values, as they are recorded with a model."""
    metrics = draw_window(random, "test", num_rows).metrics
    return QualityBaseline(metrics={k: Estimate(value=v.value) for k, v in metrics.items()}, num_rows=num_rows)


@pytest.mark.parametrize("num_rows", [60, 1000])
def test_a_model_that_is_as_good_as_ever_rarely_fires(num_rows: int) -> None:
    config, fired = CONFIG.model_copy(update={"tolerance": 0.0}), 0
    for seed in range(80):
        random = np.random.default_rng(seed)
        windows = [draw_window(random, str(k), num_rows) for k in range(3)]
        fired += "alert" in judge(windows, draw_baseline(random, 400), config).values()
    # 0.05 of 80 and three standard deviations above.
    assert fired <= 9


def test_a_model_that_got_worse_fires() -> None:
    random = np.random.default_rng(1)
    windows = [draw_window(random, "calm", 800), draw_window(random, "bad", 800, turned=0.15)]
    found = judge(windows, draw_baseline(random, 800))
    assert found == {"calm accuracy": "ok", "calm log_loss": "ok", "bad accuracy": "alert", "bad log_loss": "alert"}


def test_few_rows_are_unsure_and_nothing_to_compare_with_is_told() -> None:
    random = np.random.default_rng(2)
    assert set(judge([draw_window(random, "w", 20)], draw_baseline(random, 400)).values()) == {"unsure"}
    assert set(judge([draw_window(random, "w", 200)], None).values()) == {"told"}


def test_a_judged_metric_that_is_undefined_is_unsure() -> None:
    part = Measured("w", "", None, 500, 500, {"accuracy": Estimate(value=0.9, low=0.88, high=0.92)})
    found = judge_metrics([part], ("accuracy",), QualityConfig(limits={"auc": 0.8, "accuracy": 0.7}), None, {})
    assert [(f.metric, f.status, f.value) for f in found] == [("accuracy", "ok", 0.9), ("auc", "unsure", None)]


def finding(value: float, low: float, high: float, config: QualityConfig, baseline: Estimate | None) -> Finding:
    part = Measured("w", "", None, 500, 500, {"log_loss": Estimate(value=value, low=low, high=high)})
    known = None if baseline is None else QualityBaseline(metrics={"log_loss": baseline}, num_rows=2000)
    (found,) = judge_metrics([part], config.metrics, config, known, {})
    return found


def test_limits_hold_without_a_baseline_and_beside_one() -> None:
    config = QualityConfig(limits={"log_loss": 0.5}, metrics=("log_loss",), tolerance=0.1)
    assert finding(0.4, 0.35, 0.45, config, None).status == "ok"
    assert finding(0.55, 0.48, 0.62, config, None).status == "warning"
    found = finding(0.7, 0.6, 0.8, config, None)
    assert (found.status, found.limit, found.detail) == ("alert", 0.5, "worse than the limit")
    # Within the limit, and yet a tenth more than on the test split.
    found = finding(0.3, 0.28, 0.32, config, Estimate(value=0.2))
    assert (found.status, found.limit) == ("alert", pytest.approx(0.22)) and found.baseline == 0.2
    assert found.detail == "worse than on the test split"


def test_a_baseline_of_unknown_rows_is_told_and_judges_nothing() -> None:
    part = Measured("w", "", None, 500, 500, {"accuracy": Estimate(value=0.8, low=0.76, high=0.84)})
    unknown = QualityBaseline(metrics={"accuracy": Estimate(value=0.9)})
    (found,) = judge_metrics([part], ("accuracy",), QualityConfig(), unknown, {})
    assert (found.status, found.baseline) == ("told", 0.9) and "is not known" in found.detail
    (found,) = judge_metrics([part], ("accuracy",), QualityConfig(limits={"accuracy": 0.85}), unknown, {})
    assert (found.status, found.limit) == ("alert", 0.85)


def test_tolerance_is_a_share_of_errors_and_a_difference_of_others() -> None:
    assert find_tolerance("rmse", 50.0, 0.1) == pytest.approx(5.0)
    assert find_tolerance("accuracy", 0.9, 0.1) == find_tolerance("nll", -3.0, 0.1) == 0.1


def test_a_version_is_compared_with_its_own_baseline() -> None:
    estimate = {"accuracy": Estimate(value=0.8, low=0.78, high=0.82)}
    parts = [Measured("w", f"version {k}", k, 1500, 1500, estimate) for k in (1, 2)]
    whole = QualityBaseline(metrics={"accuracy": Estimate(value=0.8)}, num_rows=2000)
    better = QualityBaseline(metrics={"accuracy": Estimate(value=0.9)}, num_rows=2000)
    first, second = judge_metrics(parts, ("accuracy",), QualityConfig(), whole, {2: better})
    assert (first.status, first.baseline) == ("ok", 0.8)
    assert (second.status, second.baseline) == ("alert", 0.9)
