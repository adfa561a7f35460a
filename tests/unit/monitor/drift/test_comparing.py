"""What fires, what is only told, what cannot be judged, and what is said of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from dbx_dl.config import DriftConfig
from dbx_dl.contracts import Distribution, Distributions
from dbx_dl.monitor.drift.check import DRIFT_METRICS, Check, judge_checks, share_bounds
from dbx_dl.monitor.drift.comparing import compare_windows
from tests.unit.monitor.drift.drawn_rows import Columns, count, fit

if TYPE_CHECKING:
    from dbx_dl.contracts import Finding

CONFIG = DriftConfig()


def compare(window: Columns, baseline: Columns, config: DriftConfig = CONFIG) -> dict[tuple[str, str], Finding]:
    fitted = fit(baseline)
    found = compare_windows({"now": count(window, fitted)}, fitted, config)
    assert {finding.metric for finding in found} <= set(DRIFT_METRICS)
    return {(finding.column, finding.metric): finding for finding in found}


def numbers(size: int, seed: int = 0) -> Columns:
    return {"x": np.random.default_rng(seed).normal(size=size)}


@given(st.integers(1, 300).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_the_interval_of_a_share_is_wilsons(both: tuple[int, int]) -> None:
    interval = binomtest(*both).proportion_ci(method="wilson")
    assert share_bounds(*both) == pytest.approx((interval.low, interval.high), abs=1e-9)


def test_a_check_fires_where_its_difference_is_sure_and_large() -> None:
    def judge(p_value: float | None, effect: float) -> tuple[str, float | None]:
        check = Check("x", "psi", effect, 500, 500, effect=effect, least_effect=0.2, p_value=p_value)
        (finding,) = judge_checks("now", [check], 0.05, 50)
        return finding.status, finding.adjusted_p_value

    assert judge(0.05, 0.3) == ("alert", 0.05)
    assert judge(0.06, 0.3) == ("ok", 0.06)
    assert judge(0.001, 0.2) == ("ok", 0.001)
    assert judge(None, 0.3) == ("told", None)


def test_p_values_are_adjusted_for_all_checks_of_a_window() -> None:
    checks = [Check(f"{i}", "psi", 1.0, 500, 500, effect=1.0, p_value=p) for i, p in enumerate((0.01, 0.9, 0.04, 0.9))]
    found = judge_checks("now", checks, 0.05, 50)
    assert [finding.adjusted_p_value for finding in found] == pytest.approx([0.04, 0.9, 0.08, 0.9])
    assert [finding.status for finding in found] == ["alert", "ok", "ok", "ok"]


@pytest.mark.parametrize("sizes", [(49, 1000), (1000, 49)])
def test_too_few_rows_on_either_side_are_not_judged(sizes: tuple[int, int]) -> None:
    window, baseline = (numbers(size) for size in sizes)
    window = {"x": window["x"] + 5}
    found = compare(window, baseline)
    judged = {finding.status for key, finding in found.items() if key[1] != "num_rows"}
    assert judged == {"unsure"}
    assert "too few to be judged" in found[("x", "psi")].detail
    assert all(finding.adjusted_p_value is None for finding in found.values())


def test_a_constant_that_changed_is_found() -> None:
    found = compare({"x": np.full(200, 8.0)}, {"x": np.full(500, 7.0)})
    assert {key[1] for key, finding in found.items() if finding.status == "alert"} == {"psi", "kolmogorov_smirnov"}
    # There is no deviation to measure in.
    assert ("x", "wasserstein") not in found
    outside = found[("x", "outside_share")]
    assert (outside.value, outside.status) == (1.0, "warning")
    assert outside.detail == "values below 7 or above 7"


def test_a_column_that_became_null_fires_by_its_nulls_alone() -> None:
    found = compare({"x": np.full(200, np.nan)}, numbers(500))
    assert set(found) == {("", "num_rows"), ("x", "null_share")}
    nulls = found[("x", "null_share")]
    assert (nulls.status, nulls.value, nulls.baseline, nulls.limit) == ("alert", 1.0, 0.0, 0.02)


def test_nulls_that_vanish_are_found_too() -> None:
    half = np.where(np.arange(600) % 2, np.nan, 1.0)
    found = compare({"x": np.ones(600)}, {"x": half})
    nulls = found[("x", "null_share")]
    assert (nulls.status, nulls.value, nulls.baseline, nulls.limit) == ("alert", 0.0, 0.5, 0.48)


def test_new_values_are_expected_as_often_as_there_are_single_ones() -> None:
    usual = np.array(["a"] * 800 + ["b"] * 150 + [f"once {i}" for i in range(50)])
    found = compare({"c": np.array(["a"] * 160 + ["b"] * 30 + [f"new {i}" for i in range(10)])}, {"c": usual})
    unseen = found[("c", "unseen_share")]
    assert (unseen.value, unseen.baseline, unseen.status) == (0.05, 0.05, "ok")
    assert unseen.detail == "10 rows have a value that the baseline has not"
    found = compare({"c": np.array(["a"] * 160 + ["new"] * 40)}, {"c": usual})
    assert found[("c", "unseen_share")].status == "alert"


def test_a_category_of_one_value_is_compared() -> None:
    found = compare({"c": np.array(["a"] * 100)}, {"c": np.array(["a"] * 500)})
    assert (found[("c", "psi")].value, found[("c", "psi")].status) == (0.0, "told")
    found = compare({"c": np.array(["b"] * 100)}, {"c": np.array(["a"] * 500)})
    assert {key[1] for key, f in found.items() if f.status == "alert"} == {"psi", "jensen_shannon", "unseen_share"}


def test_columns_are_skipped_and_missing_ones_told() -> None:
    baseline = fit(numbers(500) | {"y": np.ones(500)})
    window = count(numbers(200, 1) | {"y": np.zeros(200)}, baseline)
    found = compare_windows({"now": window}, baseline, DriftConfig(skip=("y",)))
    assert {finding.column for finding in found} == {"", "x"}
    lacking = window.model_copy(update={"columns": window.columns[:1]})
    missing = [f for f in compare_windows({"now": lacking}, baseline, CONFIG) if f.column == "y"]
    assert [(f.metric, f.value, f.status) for f in missing] == [("null_share", None, "unsure")]
    assert "no such column, or one of another type" in missing[0].detail


def test_an_empty_window_says_so_and_others_are_judged() -> None:
    baseline = fit(numbers(500))
    windows = {"empty": Distributions(num_rows=0), "full": count(numbers(200, 1), baseline)}
    found = compare_windows(windows, baseline, CONFIG)
    assert [(f.metric, f.status, f.detail) for f in found if f.window == "empty"] == [
        ("num_rows", "unsure", "the window has no rows")
    ]
    assert len([f for f in found if f.window == "full"]) == 7


def test_what_other_windows_hold_does_not_matter() -> None:
    baseline = fit(numbers(500))
    one, other = (count(numbers(200, seed), baseline) for seed in (1, 2))
    alone = compare_windows({"one": one}, baseline, CONFIG)
    together = compare_windows({"other": other, "one": one}, baseline, CONFIG)
    assert alone == tuple(finding for finding in together if finding.window == "one")


def test_near_duplicates_warn_and_never_fire() -> None:
    baseline = Distributions(num_rows=500, near_duplicates={"image": 0.1})
    window = Distributions(num_rows=200, near_duplicates={"image": 0.7})
    (_, found) = compare_windows({"now": window}, baseline, CONFIG)
    assert (found.metric, found.value, found.baseline, found.status) == ("near_duplicate_share", 0.7, 0.1, "warning")
    alike = baseline.model_copy(update={"near_duplicates": {"image": 0.7}})
    assert [each.status for each in compare_windows({"now": window}, alike, CONFIG)] == ["told", "told"]
    unknown = baseline.model_copy(update={"near_duplicates": {}})
    assert [each.status for each in compare_windows({"now": window}, unknown, CONFIG)] == ["told", "warning"]


def test_counts_that_do_not_add_up_are_refused() -> None:
    with pytest.raises(ValueError, match="do not add up to 3 rows"):
        Distribution(column="x", kind="number", num_rows=3, num_nulls=0, counts=(1, 1), edges=(0.0,))
    with pytest.raises(ValueError, match="2 edges or values go with 3 counts, not 2"):
        Distribution(column="x", kind="number", num_rows=2, num_nulls=0, counts=(1, 1), edges=(0.0, 1.0))
