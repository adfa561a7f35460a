"""Class weights: both schemes against their formulas."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbx_dl.prepare.class_weights import weigh_classes


def test_balanced_and_effective_number() -> None:
    weights = weigh_classes({"a": 10, "b": 30}, beta=0.9)
    assert weights["balanced"] == {"a": 40 / (2 * 10), "b": 40 / (2 * 30)}
    effective = weights["effective_number"]
    ratio = ((1 - 0.9) / (1 - 0.9**10)) / ((1 - 0.9) / (1 - 0.9**30))
    assert effective["a"] / effective["b"] == pytest.approx(ratio)


def test_classes_without_rows_do_not_count() -> None:
    with_empty, without = weigh_classes({"a": 4, "b": 0, "c": 12}), weigh_classes({"a": 4, "c": 12})
    for scheme, weights in without.items():
        assert with_empty[scheme] == {**weights, "b": 1.0}
    assert weigh_classes({}) == weigh_classes({"a": 0}) == {}


@given(st.dictionaries(st.text(max_size=3), st.integers(1, 10**9), min_size=1, max_size=8))
def test_weights_average_one_over_the_rows_and_rare_classes_weigh_more(rows: dict[str, int]) -> None:
    for weights in weigh_classes(rows).values():
        assert sum(weights[name] * count for name, count in rows.items()) / sum(rows.values()) == pytest.approx(1)
        by_rarity = sorted(rows, key=lambda name: rows[name])
        assert all(weights[a] >= weights[b] * (1 - 1e-12) for a, b in pairwise(by_rarity))
