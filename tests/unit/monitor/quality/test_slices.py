"""Planted slices are found, the most general ones, and none in noise; what Spark counts is counted here with numpy."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from dbx_dl.config import QualityConfig, SlicesConfig
from dbx_dl.contracts import Finding, Target
from dbx_dl.metrics.welch import Moments
from dbx_dl.monitor.quality.labelled_sample import LabelledRows
from dbx_dl.monitor.quality.slices.candidates import Candidate, choose_pairs
from dbx_dl.monitor.quality.slices.cuts import NULL_PART, OTHER_PART, Cut
from dbx_dl.monitor.quality.slices.search import find_slices, tell_slices
from dbx_dl.monitor.quality.slices.slice_metrics import measure_slices
from dbx_dl.monitor.quality.window_metrics import measure_metrics

SLICES = SlicesConfig()
TARGET = Target(task="binary", column="y", label_names=("no", "yes"))
CUTS = (Cut("colour", values=("red", "green", "blue")), Cut("age", edges=(30.0, 45.0, 60.0)), *(
    Cut(f"x{k}", edges=(-0.7, 0.0, 0.7)) for k in range(4)
))  # fmt: skip


def draw_parts(random: np.random.Generator, num_rows: int) -> np.ndarray:
    """The part of each cut of each row (N, K)."""
    columns = [random.choice(3, num_rows, p=(0.5, 0.3, 0.2)), random.integers(0, 4, num_rows)]
    return np.stack([*columns, *(random.integers(0, 4, num_rows) for _ in range(4))], axis=1)


def count(parts: np.ndarray, errors: np.ndarray, window: str = "w") -> list[Candidate]:
    """What `candidates.count_slices` gives for single cuts and pairs."""
    total, found = take(errors), []
    num_cuts = parts.shape[1]
    for cuts in [(k,) for k in range(num_cuts)] + list(combinations(range(num_cuts), 2)):
        for values in np.unique(parts[:, cuts], axis=0):
            inside = take(errors[(parts[:, cuts] == values).all(axis=1)])
            if min(inside.num_rows, total.num_rows - inside.num_rows) >= SLICES.min_rows:
                slice_parts = tuple(zip(cuts, values.tolist(), strict=True))
                found.append(Candidate(window, slice_parts, inside, total.without(inside)))
    return found


def take(errors: np.ndarray) -> Moments:
    return Moments(len(errors), float(errors.mean()), float(errors.var(ddof=1)))


def judge(candidates: list[Candidate], error: str = "wrong") -> list[Finding]:
    config = QualityConfig()
    told = tell_slices(find_slices(candidates, config, SLICES), candidates, CUTS, error, config, SLICES)
    return [finding for finding in told if finding.metric == "slice_error"]


@pytest.mark.parametrize("kind", ["wrong", "absolute error"])
def test_no_slice_is_found_in_noise(kind: str) -> None:
    fired = 0
    for seed in range(40):
        random = np.random.default_rng(seed)
        parts = draw_parts(random, 1500)
        errors = (random.random(1500) < 0.1).astype(float) if kind == "wrong" else random.exponential(1.0, 1500)
        fired += bool(judge(count(parts, errors), kind))
    # 0.05 of 40 and three standard deviations above.
    assert fired <= 6


def test_a_planted_pair_is_found_and_only_it() -> None:
    random = np.random.default_rng(1)
    parts = draw_parts(random, 6000)
    is_planted = (parts[:, 0] == 2) & (parts[:, 1] == 3)
    errors = (random.random(6000) < np.where(is_planted, 0.5, 0.1)).astype(float)
    # Blue rows err more too, but the younger ones among them do not.
    (found,) = judge(count(parts, errors))
    assert found.part == "colour = blue and age > 60" and found.status == "warning"
    assert found.low is not None and found.high is not None and found.low < 0.5 < found.high
    assert found.baseline == pytest.approx(0.1, abs=0.02)
    assert found.adjusted_p_value is not None and found.adjusted_p_value < 1e-6


def test_of_nested_slices_the_most_general_is_told() -> None:
    random = np.random.default_rng(2)
    parts = draw_parts(random, 6000)
    errors = random.normal(np.where(parts[:, 0] == 1, 5.0, 4.0), 1.0)
    (found,) = judge(count(parts, errors), "absolute error")
    assert (found.column, found.part) == ("colour", "colour = green")
    assert found.value == pytest.approx(5.0, abs=0.1) and "effect 0.99" in found.detail


def test_a_slice_with_fewer_errors_is_none() -> None:
    random = np.random.default_rng(3)
    parts = draw_parts(random, 4000)
    errors = (random.random(4000) < np.where(parts[:, 0] == 0, 0.01, 0.3)).astype(float)
    # Being elsewhere is then worse, by the same amount.
    assert {finding.part for finding in judge(count(parts, errors))} == {"colour = green", "colour = blue"}


def test_parts_have_names() -> None:
    colour, age = CUTS[:2]
    assert [colour.name(k) for k in (0, NULL_PART)] == ["colour = red", "colour is null"]
    assert [age.name(k) for k in range(4)] == ["age <= 30", "30 < age <= 45", "45 < age <= 60", "age > 60"]
    assert [age.find(value) for value in (30, 30.5, 61, None, float("nan"))] == [0, 1, 3, NULL_PART, NULL_PART]
    assert [colour.find(value) for value in ("blue", "pink", None)] == [2, OTHER_PART, NULL_PART]


def test_pairs_are_those_of_the_columns_that_err_most() -> None:
    assert choose_pairs(3, [], 5) == [(0, 1), (0, 2), (1, 2)]
    rest = Moments(100, 0.1, 0.1)
    singles = [Candidate("w", ((place, 0),), Moments(100, mean, 0.1), rest) for place, mean in ((1, 0.9), (3, 0.5))]
    assert choose_pairs(5, singles, 2) == [(0, 1), (1, 3)]


def test_metrics_are_told_of_found_slices_and_of_the_columns_that_are_asked_for() -> None:
    random = np.random.default_rng(4)
    parts = draw_parts(random, 3000)[:, :2]
    parts[:30, 0] = OTHER_PART
    parts[30:60, 0] = NULL_PART
    labels = random.integers(0, 2, 3000)
    is_wrong = random.random(3000) < np.where((parts[:, 0] == 2) & (parts[:, 1] == 3), 0.6, 0.1)
    predictions = np.eye(2)[np.where(is_wrong, 1 - labels, labels)] * 0.8 + 0.1
    rows = LabelledRows(labels, predictions, np.ones(3000, int), 3000, parts=parts)
    config = QualityConfig(num_resamples=100, slices=SlicesConfig(told_columns=("colour",)))
    found = find_slices(count(parts, is_wrong.astype(float)), config, SLICES)
    whole = {"w": measure_metrics(rows, TARGET, config)}
    told = list(measure_slices({"w": rows}, CUTS[:2], found, whole, TARGET, config))
    accuracies = {finding.part: finding for finding in told if finding.metric == "accuracy"}
    # Thirty rows without a colour are too few, other values are no slice.
    assert set(accuracies) == {"colour = blue and age > 60", *(f"colour = {name}" for name in CUTS[0].values)}
    for name, is_inside in (
        ("colour = blue and age > 60", (parts == (2, 3)).all(axis=1)),
        ("colour = red", parts[:, 0] == 0),
    ):
        one = accuracies[name]
        assert (one.value, one.num_rows) == (pytest.approx(1 - is_wrong[is_inside].mean()), is_inside.sum())
        assert one.low is not None and one.high is not None and one.low < (one.value or 0) < one.high
        assert one.baseline == whole["w"]["accuracy"].value
    assert {finding.metric for finding in told} > {"accuracy", "auc", "log_loss"}
    assert list(measure_slices({"w": rows}, CUTS[:2], found, whole, TARGET, config)) == told
    silent = QualityConfig(slices=None)
    assert not list(measure_slices({"w": rows}, CUTS[:2], found, whole, TARGET, silent))
