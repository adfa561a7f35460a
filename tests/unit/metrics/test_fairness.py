"""Rates of groups are those of scikit-learn's confusion matrix, and gaps those that one reckons by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from dbx_dl.contracts import Fairness, GroupRates
from dbx_dl.metrics.fairness import GAPS, measure_gaps, measure_rates


def test_rates_by_hand() -> None:
    truth = np.array([1, 1, 1, 0, 0, 0, 0, 0], bool)
    probabilities = np.array([0.95, 0.85, 0.25, 0.75, 0.35, 0.05, 0.05, 0.25])
    found = measure_rates(truth, probabilities >= 0.5, probabilities)
    assert found["base_rate"] == pytest.approx(3 / 8) and found["selection_rate"] == pytest.approx(3 / 8)
    assert found["true_positive_rate"] == pytest.approx(2 / 3) and found["false_positive_rate"] == pytest.approx(1 / 5)
    assert found["mean_probability"] == pytest.approx(3.5 / 8)
    # Bins: 0.05 twice (0 of 2), 0.25 twice (1 of 2), 0.35, 0.75, 0.85 (1), 0.95 (1).
    gaps = [2 * 0.05, 2 * abs(0.25 - 0.5), 0.35, 0.75, 0.15, 0.05]
    assert found["calibration_error"] == pytest.approx(sum(gaps) / 8)


@pytest.mark.parametrize("seed", range(4))
def test_weighted_rates_are_scikit_learns(seed: int) -> None:
    random = np.random.default_rng(seed)
    truth, probabilities = random.random(300) < 0.4, random.random(300).astype(np.float32)
    weights = random.integers(0, 4, 300).astype(np.float64)
    is_selected = probabilities >= 0.5
    found = measure_rates(truth, is_selected, probabilities, weights)
    (tn, fp), (fn, tp) = confusion_matrix(truth, is_selected, sample_weight=weights)
    expected = {
        "base_rate": (tp + fn) / weights.sum(),
        "selection_rate": (tp + fp) / weights.sum(),
        "true_positive_rate": tp / (tp + fn),
        "false_positive_rate": fp / (fp + tn),
        "mean_probability": np.average(probabilities, weights=weights),
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected)
    rows = np.repeat(np.arange(300), weights.astype(int))
    assert measure_rates(truth[rows], is_selected[rows], probabilities[rows]) == pytest.approx(found)


def test_rates_of_no_rows_are_unknown() -> None:
    found = measure_rates(np.ones(3, bool), np.array([1, 0, 1], bool), np.full(3, 1.0))
    assert found["false_positive_rate"] is None and found["true_positive_rate"] == pytest.approx(2 / 3)
    nothing = measure_rates(np.ones(2, bool), np.ones(2, bool), np.ones(2), np.zeros(2))
    assert set(nothing.values()) == {None}


def make_group(name: str, num_rows: int, *rates: float | None) -> GroupRates:
    names = ("selection_rate", "true_positive_rate", "false_positive_rate", "calibration_error")
    return GroupRates(column="sex", group=name, num_rows=num_rows, **dict(zip(names, rates, strict=True)))


def test_gaps_are_between_the_groups_that_are_far_apart() -> None:
    groups = [make_group("a", 50, 0.2, 0.6, 0.1, 0.01), make_group("b", 50, 0.5, 0.9, 0.2, 0.04)]
    groups.append(make_group("few", 3, 1.0, 0.0, 1.0, 0.5))
    assert measure_gaps(groups, min_rows=10) == pytest.approx(
        {
            "demographic_parity_difference": 0.3,
            "demographic_parity_ratio": 0.4,
            "equal_opportunity_difference": 0.3,
            "equalized_odds_difference": 0.3,
            "calibration_error_difference": 0.03,
        }
    )
    assert set(measure_gaps(groups)) == set(GAPS)
    assert measure_gaps(groups[1:], min_rows=10) == {}


def test_a_rate_that_a_group_lacks_leaves_its_gaps_out() -> None:
    groups = [make_group("a", 50, 0.0, None, 0.1, 0.01), make_group("b", 50, 0.0, 0.9, 0.2, 0.04)]
    assert set(measure_gaps(groups)) == {"demographic_parity_difference", "calibration_error_difference"}


def test_a_group_without_a_rate_hides_no_gap_of_others() -> None:
    groups = [make_group("a", 50, 0.2, 0.9, 0.1, 0.01), make_group("b", 50, 0.2, 0.1, 0.1, 0.01)]
    groups.append(make_group("none", 100, 0.2, None, 0.1, 0.01))
    assert measure_gaps(groups)["equal_opportunity_difference"] == pytest.approx(0.8)


def test_the_groups_are_a_table_of_text() -> None:
    header, row = Fairness(favourable="yes", groups=(make_group("a", 50, 0.2, None, 0.1, 0.01),)).tabulate()
    assert header[:3] == ("predicted 'yes' by group", "rows", "base rate")
    assert row == ("sex = a", "50", "–", "0.2000", "–", "0.1000", "–", "0.0100")
