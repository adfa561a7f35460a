"""Chosen thresholds are the best of all that could be, and what they give is scikit-learn's precision and recall."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError
from sklearn.metrics import f1_score, precision_score, recall_score

from dbx_dl.config import ThresholdConfig
from dbx_dl.metrics.thresholds import choose_threshold, measure_threshold


def draw(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Truth, probabilities with ties, and weights, some of them 0."""
    random = np.random.default_rng(seed)
    truth = random.random(120) < 0.3
    probabilities = np.clip(random.normal(0.3 + 0.3 * truth, 0.2), 0, 1).round(2).astype(np.float32)
    return truth, probabilities, random.integers(0, 3, 120).astype(np.float64)


def score_all(truth: np.ndarray, probabilities: np.ndarray, weights: np.ndarray) -> list[dict[str, float]]:
    """Of every cut between probabilities, by scikit-learn."""
    found = []
    for cut in np.unique(probabilities):
        chosen = probabilities >= cut
        weighted = {"sample_weight": weights, "zero_division": 0}
        found.append(
            {
                "precision": precision_score(truth, chosen, **weighted),
                "recall": recall_score(truth, chosen, **weighted),
                "f1": f1_score(truth, chosen, **weighted),
                "cost": float((weights * (chosen & ~truth)).sum() + 5 * (weights * (~chosen & truth)).sum()),
            }
        )
    return found


@pytest.mark.parametrize("seed", range(5))
def test_the_best_of_all_cuts_is_found(seed: int) -> None:
    truth, probabilities, weights = draw(seed)
    cuts = score_all(truth, probabilities, weights)

    def choose(**rule: object) -> dict[str, float]:
        config = ThresholdConfig.model_validate({"label": "a", **rule})
        point, is_met = choose_threshold(config, truth, probabilities, weights)
        assert is_met
        chosen = probabilities >= point.threshold
        cost = float((weights * (chosen & ~truth)).sum() + 5 * (weights * (~chosen & truth)).sum())
        assert point.precision == pytest.approx(precision_score(truth, chosen, sample_weight=weights, zero_division=0))
        return {**point._asdict(), "cost": cost}

    assert choose()["f1"] == pytest.approx(max(cut["f1"] for cut in cuts))
    costs = {"false_positive": 1, "false_negative": 5}
    assert choose(costs=costs)["cost"] == pytest.approx(min(cut["cost"] for cut in cuts))
    highest = max(cut["precision"] for cut in cuts)
    allowed = [cut["recall"] for cut in cuts if cut["precision"] >= 0.9 * highest]
    assert choose(min_precision=0.9 * highest)["recall"] == pytest.approx(max(allowed))
    allowed = [cut["precision"] for cut in cuts if cut["recall"] >= 0.7]
    assert choose(min_recall=0.7)["precision"] == pytest.approx(max(allowed))
    assert choose(probability=0.25)["threshold"] == 0.25


def test_costs_may_leave_all_rows_without_the_label() -> None:
    truth, probabilities = np.array([False, True, False]), np.array([0.9, 0.6, 0.4])
    config = ThresholdConfig.model_validate({"label": "a", "costs": {"false_positive": 100, "false_negative": 1}})
    assert choose_threshold(config, truth, probabilities)[0].threshold == pytest.approx(0.95)


def test_what_cannot_be_reached_is_said() -> None:
    truth, probabilities = np.array([False, True, False]), np.array([0.9, 0.5, 0.2])
    point, is_met = choose_threshold(ThresholdConfig(label="a", min_precision=0.99), truth, probabilities)
    assert not is_met and point.precision == 0.5 and point.recall == 1.0
    with pytest.raises(ValueError, match="no row has the label"):
        choose_threshold(ThresholdConfig(label="a"), np.zeros(3, bool), probabilities)


def test_nothing_chosen_gives_zeros() -> None:
    assert measure_threshold(0.9, np.array([True]), np.array([0.5])) == (0.9, 0.0, 0.0, 0.0)
    assert measure_threshold(0.9, np.array([False]), np.array([0.5])) == (0.9, 0.0, 0.0, 0.0)


def test_one_rule_is_enough() -> None:
    with pytest.raises(ValidationError, match="min_precision and min_recall exclude each other: name one"):
        ThresholdConfig(label="a", min_precision=0.5, min_recall=0.5)
