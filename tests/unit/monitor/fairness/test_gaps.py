"""Rates of groups are the plain ones, and gaps fire beyond doubt only, however many are judged."""

from __future__ import annotations

import numpy as np
import pytest

from dbx_dl.config import WatchedFairnessConfig
from dbx_dl.contracts import Finding, Window
from dbx_dl.metrics.fairness import measure_gaps, measure_rates
from dbx_dl.metrics.reliability import NUM_BINS
from dbx_dl.monitor.fairness.gaps import judge_gaps
from dbx_dl.monitor.fairness.groups import Groups
from dbx_dl.monitor.fairness.rates import GroupCounts

CONFIG = WatchedFairnessConfig(
    columns=("sex",), favourable="yes", min_parity_ratio=0.8,
    max_gaps={"demographic_parity_difference": 0.1, "equalized_odds_difference": 0.1},
)  # fmt: skip


def draw_group(random: np.random.Generator, name: str, num_rows: int, shift: float = 0.0, window: str = "w"):
    """Counts as Spark makes them, of rows whose weights differ, beside `measure_rates` of the same rows."""
    chance = np.clip(random.uniform(0, 1, num_rows) + shift, 0, 1)
    truth, selected, weights = random.random(num_rows) < chance, chance >= 0.5, random.choice([0.5, 1.0], num_rows)
    sums = {"with_probability": weights.sum(), "probability": (weights * chance).sum()}
    for kind, inside in {"all": truth | True, "known": truth | True, "hit": truth, "miss": ~truth}.items():
        sums |= {kind: weights[inside].sum(), f"{kind}_squares": (weights[inside] ** 2).sum()}
        sums[f"{kind}_selected"] = weights[inside & selected].sum()
    bins = np.minimum((chance * NUM_BINS).astype(int), NUM_BINS - 1)
    for k in range(NUM_BINS):
        inside = bins == k
        sums[f"bin{k}"], sums[f"bin{k}_hits"] = weights[inside].sum(), weights[inside & truth].sum()
        sums[f"bin{k}_probability"] = (weights * chance)[inside].sum()
    counts = GroupCounts(window, "sex", name, num_rows, num_rows, {k: float(v) for k, v in sums.items()})
    return counts, measure_rates(truth, selected, chance, weights)


def judge(counts: list[GroupCounts], config: WatchedFairnessConfig = CONFIG) -> dict[str, Finding]:
    groups = (Groups("sex", tuple(group.group for group in counts), 0, 0),)
    return {finding.metric: finding for finding in judge_gaps([Window(name="w")], counts, groups, config)}


def test_rates_and_gaps_are_those_of_the_rows() -> None:
    random = np.random.default_rng(1)
    groups = [draw_group(random, name, 400, shift) for name, shift in (("f", 0.0), ("m", 0.1), ("x", -0.1))]
    for counts, rates in groups:
        found = counts.as_contract(30)
        assert {name: getattr(found, name) for name in rates} == pytest.approx(rates)
    known = measure_gaps([counts.as_contract(30) for counts, _ in groups])
    found_gaps = judge([counts for counts, _ in groups])
    assert {name: finding.value for name, finding in found_gaps.items()} == pytest.approx(known)
    for finding in found_gaps.values():
        assert finding.low is not None and finding.value is not None and finding.low <= finding.value


def test_weighted_rows_say_less_than_as_many_plain_ones() -> None:
    counts, _ = draw_group(np.random.default_rng(2), "f", 400)
    low, high = counts.rates["selection_rate"].interval(0.95)
    heavy = GroupCounts(
        "w", "sex", "f", 400, 400, {k: v * (4 if "squares" in k else 2) for k, v in counts.sums.items()}
    )
    assert heavy.rates["selection_rate"].interval(0.95) == pytest.approx((low, high))
    assert 0.085 < high - low < 0.115


def test_equal_groups_rarely_fire_and_far_ones_do() -> None:
    fired = 0
    for seed in range(60):
        random = np.random.default_rng(seed)
        counts = [draw_group(random, str(k), int(random.integers(40, 400)))[0] for k in range(4)]
        strict = CONFIG.model_copy(update={"max_gaps": dict.fromkeys(CONFIG.max_gaps, 0.0), "min_parity_ratio": 1.0})
        fired += any(finding.status == "alert" for finding in judge(counts, strict).values())
    # 0.05 of 60 and three standard deviations above.
    assert fired <= 8
    random = np.random.default_rng(0)
    apart = judge([draw_group(random, "f", 900)[0], draw_group(random, "m", 900, 0.3)[0]])
    assert {name for name, finding in apart.items() if finding.status == "alert"} == {
        "demographic_parity_difference", "demographic_parity_ratio", "equalized_odds_difference",
    }  # fmt: skip
    assert apart["demographic_parity_difference"].detail == "between 'm' and 'f'"


def test_small_groups_are_left_out_and_a_missing_gap_is_unsure() -> None:
    random = np.random.default_rng(3)
    found = judge([draw_group(random, "f", 200)[0], draw_group(random, "m", 12, 0.9)[0]])
    assert {finding.status for finding in found.values()} == {"unsure"} and set(found) == {
        *CONFIG.max_gaps, "demographic_parity_ratio",
    }  # fmt: skip
    assert all(finding.value is None and "fewer than two groups" in finding.detail for finding in found.values())
