"""Majorities with ties told, and annotators' planted qualities that are found again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbx_dl.metrics.consensus import vote, weigh_annotators

RATINGS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3), st.integers(0, 2)), min_size=1, max_size=40)


def plant(
    accuracies: list[float], *, num_items: int = 600, num_classes: int = 4, ratings_an_item: int = 4, seed: int = 3
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Truth, and ratings by annotators who are right so often and else say any other class."""
    random = np.random.default_rng(seed)
    truth = random.choice(num_classes, num_items, p=np.arange(1, num_classes + 1) / sum(range(num_classes + 1)))
    items = np.repeat(np.arange(num_items), ratings_an_item)
    annotators = np.concatenate([random.permutation(len(accuracies))[:ratings_an_item] for _ in range(num_items)])
    is_right = random.random(len(items)) < np.array(accuracies)[annotators]
    wrong = (truth[items] + random.integers(1, num_classes, len(items))) % num_classes
    return truth, items, annotators, np.where(is_right, truth[items], wrong)


def test_the_majority_and_its_ties() -> None:
    items, classes = np.array([0, 0, 0, 1, 1, 2, 2]), np.array([2, 2, 0, 0, 1, 2, 1])
    found = vote(items, classes, 4, 3)
    # Of all ratings three are for class 2 and two for each other one.
    assert found.classes_n.tolist() == [2, 0, 2, -1]
    assert found.is_tied_n.tolist() == [False, True, True, False]
    np.testing.assert_allclose(found.confidences_n, [2 / 3, 0.5, 0.5, np.nan])


def test_planted_qualities_are_found_and_beat_the_majority() -> None:
    accuracies = [0.95, 0.9, 0.85, 0.4, 0.3, 0.3]
    truth, items, annotators, classes = plant(accuracies)
    found = weigh_annotators(items, annotators, classes, len(truth), 4)
    np.testing.assert_allclose(found.accuracies_a, accuracies, atol=0.06)
    trusted = (found.classes_n == truth).mean()
    majority = (vote(items, classes, len(truth), 4).classes_n == truth).mean()
    assert trusted > majority + 0.04
    assert found.confidences_n.mean() == pytest.approx(trusted, abs=0.03)
    np.testing.assert_allclose(found.priors_c, [0.1, 0.2, 0.3, 0.4], atol=0.05)


def test_one_who_always_says_the_wrong_one_of_two_is_turned_round() -> None:
    truth, items, annotators, classes = plant([0.9, 0.9, 0.9, 0.02], num_classes=2)
    found = weigh_annotators(items, annotators, classes, len(truth), 2)
    assert found.accuracies_a[3] == pytest.approx(0.02, abs=0.03)
    assert (found.classes_n == truth).mean() > 0.98


def test_one_who_rated_once_is_taken_for_an_average_one() -> None:
    truth, items, annotators, classes = plant([0.9, 0.9, 0.9, 0.9])
    items, annotators, classes = (
        np.append(a, b) for a, b in ((items, 0), (annotators, 4), (classes, (truth[0] + 1) % 4))
    )
    found = weigh_annotators(items, annotators, classes, len(truth), 4)
    assert 0.4 < found.accuracies_a[4] < 0.95


@given(RATINGS, st.sampled_from([0.0, 0.5, 1.0, 5.0]))
def test_steps_never_fall_and_probabilities_are_some(ratings: list[tuple[int, int, int]], smoothing: float) -> None:
    items, annotators, classes = np.array(ratings).T
    found = weigh_annotators(items, annotators, classes, 6, 3, smoothing=smoothing)
    assert (np.diff(found.objectives) > -1e-9).all()
    rated = np.isin(np.arange(6), items)
    np.testing.assert_allclose(found.probabilities_nc[rated].sum(axis=1), 1)
    assert np.isnan(found.probabilities_nc[~rated]).all()
    assert ((found.classes_n >= 0) == rated).all()
    np.testing.assert_allclose(found.confusions_acc.sum(axis=2), 1)
    again = weigh_annotators(items[::-1], annotators[::-1], classes[::-1], 6, 3, smoothing=smoothing)
    np.testing.assert_allclose(again.probabilities_nc, found.probabilities_nc, atol=1e-6)


def test_who_all_agree_are_certain_and_nothing_is_made_of_nothing() -> None:
    found = weigh_annotators(np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]), np.array([0, 0, 1, 1]), 2, 2)
    assert found.classes_n.tolist() == [0, 1] and (found.confidences_n > 0.7).all()
    none = np.zeros(0, int)
    assert weigh_annotators(none, none, none, 2, 2).classes_n.tolist() == [-1, -1]
    assert vote(none, none, 0, 2).classes_n.tolist() == []
