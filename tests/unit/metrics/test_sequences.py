"""Metrics of written sequences, by hand and against a plain recursion."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from dbx_dl.metrics import is_better
from dbx_dl.metrics.sequences import count_edits, sequence_metrics, weigh_sequences
from dbx_dl.tasks import TASKS

# Right; one word wrong; the last word left out; a word too many where no more fits; an empty text, and one more word.
LABELS = np.array([[4, 5, 0], [4, 5, 0], [4, 5, 6], [4, 0, 0], [0, 0, 0]])
WRITTEN = np.array([[4, 5, 0], [7, 5, 0], [4, 5, 0], [4, 9, 9], [3, 0, 0]])


def test_metrics_by_hand() -> None:
    found = sequence_metrics(LABELS, WRITTEN)
    assert found["exact_match"] == pytest.approx(1 / 5)
    # Steps that count: 3 + 3 + 3 + 2 + 1; right of these: 3 + 2 + 2 + 1 + 0.
    assert found["token_accuracy"] == pytest.approx(8 / 12)
    assert found["word_error_rate"] == pytest.approx((0 + 1 + 1 + 2 + 1) / 8)


def test_nothing_is_right_for_an_unknown_token() -> None:
    labels = np.array([[1, 4, 0], [4, 4, 0]])
    found = sequence_metrics(labels, labels)
    assert found == {"exact_match": 0.5, "token_accuracy": pytest.approx(5 / 6), "word_error_rate": 0.25}


def test_weights_count_rows() -> None:
    weights = np.array([2.0, 0.0, 1.0, 1.0, 0.0])
    rows = [0, 0, 2, 3]
    expected = sequence_metrics(LABELS[rows], WRITTEN[rows])
    assert sequence_metrics(LABELS, WRITTEN, weights) == pytest.approx(expected)
    weighed = weigh_sequences(LABELS, WRITTEN, np.stack([weights, np.ones(5)]))
    assert {name: values[0] for name, values in weighed.items()} == pytest.approx(expected)
    assert weighed["exact_match"][1] == pytest.approx(0.2)


def test_what_is_undefined_is_left_out() -> None:
    assert sequence_metrics(LABELS[:0], WRITTEN[:0]) == {}
    assert set(sequence_metrics(LABELS[4:], WRITTEN[4:])) == {"exact_match", "token_accuracy"}
    assert np.isnan(weigh_sequences(LABELS, WRITTEN, np.zeros((1, 5)))["token_accuracy"][0])


def test_edits_are_those_of_the_recursion() -> None:
    random, steps = np.random.default_rng(2), np.arange(6)
    labels, written = (
        np.where(steps < random.integers(0, 7, (60, 1)), random.integers(2, 5, (60, 6)), 0) for _ in range(2)
    )
    expected = [recur(tuple(a[a > 0].tolist()), tuple(b[b > 0].tolist())) for a, b in zip(labels, written, strict=True)]
    assert count_edits(labels, written).tolist() == expected


def test_lower_error_rates_and_higher_shares_are_better() -> None:
    assert is_better("test_word_error_rate", 0.1, 0.2) and is_better("token_accuracy", 0.9, 0.8)


def test_only_the_same_tokens_are_the_same_choice() -> None:
    task = TASKS["sequence"]
    first = np.array([[[4, 0], [0.9, 1.0]], [[4, 5], [0.9, 1.0]]])
    second = first + np.array([[[0, 0], [0.05, 0.0]], [[0, 1], [0.0, 0.0]]])
    assert task.is_same_choice(first, second).tolist() == [True, False]  # type: ignore[union-attr]


@cache
def recur(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    """The edit distance by its definition."""
    if not one or not other:
        return len(one) + len(other)
    shifted = min(recur(one[1:], other), recur(one, other[1:])) + 1
    return min(shifted, recur(one[1:], other[1:]) + (one[0] != other[0]))
