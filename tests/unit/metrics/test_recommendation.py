"""Ranks of chosen items, and what lists are worth, by hand; the most chosen items are measured alike."""

from __future__ import annotations

import numpy as np
import pytest

from dbx_dl.metrics.recommendation import (
    baseline_hits,
    baseline_metrics,
    find_ranks,
    rate_hits,
    recommendation_metrics,
    weigh_recommendations,
)

LABELS = np.array([4, 2, 0, 7])
# The chosen item is first, third, nowhere, and nowhere in a list that ends early.
ITEMS = np.array([[4, 1, 2], [0, 1, 2], [3, 4, 5], [6, -1, -1]])
NDCG = np.array([1, 0.5, 0, 0])  # 1 / log2(2), 1 / log2(4)


def test_metrics_by_hand() -> None:
    assert find_ranks(LABELS, ITEMS).tolist() == [1, 3, 0, 0]
    found = recommendation_metrics(LABELS, ITEMS.astype(np.float64))
    assert found == pytest.approx({"hit_rate": 0.5, "ndcg": 1.5 / 4, "mrr": (1 + 1 / 3) / 4})
    assert recommendation_metrics(LABELS[:0], ITEMS[:0]) == {}


def test_weights_count_as_rows() -> None:
    weights = np.array([2.0, 1.0, 0.0, 3.0])
    found = recommendation_metrics(LABELS, ITEMS, weights)
    rows = np.repeat(np.arange(4), weights.astype(int))
    assert found == pytest.approx(recommendation_metrics(LABELS[rows], ITEMS[rows]))
    weighed = weigh_recommendations(LABELS, ITEMS, np.stack([weights, np.ones(4)]), ("ndcg", "mrr"))
    assert weighed["ndcg"] == pytest.approx([NDCG @ weights / 6, NDCG.mean()])
    assert weighed["mrr"][0] == pytest.approx(found["mrr"])


def test_a_baseline_is_what_its_ranks_say() -> None:
    ranks = np.array([1, 3, 0, 2, 3, 1, 1])
    counts = (3, 1, 2, 0, 0)
    lists = np.array([[0 if rank == place else 9 for place in (1, 2, 3)] for rank in ranks])
    expected = recommendation_metrics(np.zeros(7, np.int64), lists)
    assert baseline_metrics(counts, 7, 3) == pytest.approx(expected)
    assert baseline_metrics(counts, 0, 3) == {}
    for hits in (baseline_hits(counts, 7, 3), rate_hits(ranks, 3)):
        assert hits == pytest.approx([3 / 7, 4 / 7, 6 / 7])
