"""Who becomes champion, on constructed cases."""

import pytest

from dbx_dl.config import GroupLimit, LatencyLimit, MetricLimit, RegisterConfig
from dbx_dl.contracts import Estimate, Latency, MeasuredGroup, MeasuredModel
from dbx_dl.register.decision import decide


def measured(version, value, metric="accuracy", gain=None, groups=(), latency=None, **others):
    """A model with one deciding metric; `gain`: the interval of its difference to the champion."""
    metrics = {metric: Estimate(value=value), **{name: Estimate(value=other) for name, other in others.items()}}
    differences = {} if gain is None else {metric: Estimate(value=sum(gain) / 2, low=gain[0], high=gain[1])}
    found = [
        MeasuredGroup(column="clinic", group=name, metric=metric, num_rows=rows, value=share)
        for name, rows, share in groups
    ]
    times = None if latency is None else Latency(ms_per_row=latency[0], ms_per_call=latency[1])
    return MeasuredModel(
        version=version, sha256="", metrics=metrics, differences=differences, groups=tuple(found), latency=times
    )


def judge(candidates, champion=None, present=None, metric="accuracy", **settings):
    present = champion.version if present is None and champion is not None else present
    return decide(candidates, champion, present, metric, RegisterConfig(name="m", **settings))


def choose(values, candidates, present, metric="accuracy", **settings):
    models = {version: measured(version, value, metric) for version, value in values.items()}
    found = judge([models[v] for v in candidates], models.get(present), present, metric, **settings)
    return found.chosen, found.reason


@pytest.mark.parametrize(
    ("values", "candidates", "present", "chosen", "words"),
    [
        ({1: 0.9}, [1], None, 1, "version 1 becomes champion with accuracy 0.9000"),
        ({1: 0.9, 2: 0.95}, [1, 2], None, 2, "the best of 2 candidates"),
        ({1: 0.9, 2: 0.9}, [1, 2], None, 1, "version 1 becomes"),
        ({2: 0.9, 1: 0.9}, [2, 1], None, 2, "version 2 becomes"),
        ({1: 0.9, 2: 0.8, 3: 0.85}, [2, 3], 1, 1, "version 1 stays champion: the best candidate, version 3"),
        ({1: 0.9, 2: 0.95}, [2], 1, 2, "accuracy 0.9500 is better than version 1's 0.9000"),
        ({1: 0.9, 2: 0.9}, [2], 1, 1, "only equals"),
        ({2: 0.5}, [2], 1, 2, "version 2 becomes champion"),  # the present one could not be measured
        ({1: 0.9, 2: 0.8}, [1, 2], 1, 1, "version 1 stays champion: its accuracy 0.9000 is the best"),
        ({1: 0.8, 2: 0.8}, [1, 2], 1, 1, "version 1 stays champion"),
        ({1: 0.8, 2: 0.8}, [2, 1], 1, 1, "version 1 stays champion"),
    ],
)
def test_the_best_wins_and_ties_keep_the_place(values, candidates, present, chosen, words) -> None:
    found, reason = choose(values, candidates, present)
    assert found == chosen and words in reason


def test_lower_is_better_for_losses() -> None:
    assert choose({1: 0.3, 2: 0.2}, [2], 1, "log_loss")[0] == 2
    assert choose({1: 0.3, 2: 0.4}, [2], 1, "log_loss")[0] == 1


def test_a_threshold_must_be_met() -> None:
    assert choose({1: 0.8, 2: 0.9}, [2], 1, threshold=0.95)[0] is None
    found, reason = choose({2: 0.9}, [2], None, threshold=0.95)
    assert found is None and reason == (
        "there is no champion: the best candidate, version 2, has accuracy 0.9000 and fails: "
        "accuracy 0.9000 misses the threshold 0.95"
    )
    assert choose({2: 0.95}, [2], None, threshold=0.95)[0] == 2
    assert choose({1: 0.5, 2: 0.3}, [2], 1, "log_loss", threshold=0.2)[0] is None
    assert choose({1: 0.5, 2: 0.2}, [2], 1, "log_loss", threshold=0.2)[0] == 2


def test_a_champion_that_is_a_candidate_keeps_its_place_below_the_threshold() -> None:
    found, reason = choose({1: 0.9, 2: 0.8}, [1, 2], 1, threshold=0.95)
    assert found == 1 and "version 1 stays champion" in reason


def test_the_gain_may_be_asked_to_have_a_size() -> None:
    assert choose({1: 0.9, 2: 0.905}, [2], 1, min_gain=0.01)[0] == 1
    assert "less than min_gain 0.01" in choose({1: 0.9, 2: 0.905}, [2], 1, min_gain=0.01)[1]
    assert choose({1: 0.9, 2: 0.92}, [2], 1, min_gain=0.01)[0] == 2
    assert choose({1: 0.30, 2: 0.25}, [2], 1, "log_loss", min_gain=0.1)[0] == 1


@pytest.mark.parametrize(
    ("metric", "old", "new", "gain", "chosen"),
    [
        ("accuracy", 0.9, 0.92, (0.005, 0.035), 2),
        ("accuracy", 0.9, 0.92, (-0.005, 0.045), 1),
        ("log_loss", 0.3, 0.2, (-0.15, -0.05), 2),
        ("log_loss", 0.3, 0.2, (-0.25, 0.01), 1),
        ("accuracy", 0.9, 0.92, None, 1),  # no interval is no certainty
    ],
)
def test_the_gain_may_be_asked_to_be_certain(metric, old, new, gain, chosen) -> None:
    challenger, champion = measured(2, new, metric, gain), measured(1, old, metric)
    assert judge([challenger], champion, metric=metric, certain_gain=True).chosen == chosen
    assert judge([challenger], champion, metric=metric).chosen == 2


def test_further_metrics_have_thresholds_and_margins_to_the_champion() -> None:
    champion = measured(1, 0.9, log_loss=0.30)
    near, far = measured(2, 0.95, log_loss=0.32), measured(3, 0.96, log_loss=0.5)
    limits = {"log_loss": MetricLimit(max_loss=0.02)}
    assert judge([near], champion, limits=limits).chosen == 2
    found = judge([far], champion, limits=limits)
    assert (
        found.chosen is None
        and "log_loss 0.5000 against the champion's 0.3000, more than max_loss 0.02" in found.reason
    )
    assert judge([far], limits=limits).chosen == 3  # nobody to compare with
    assert judge([far], limits={"log_loss": MetricLimit(threshold=0.4)}).chosen is None


def test_the_best_candidate_is_the_best_of_those_that_meet_the_limits() -> None:
    quick, slow = measured(1, 0.9, latency=(0.1, 1.0)), measured(2, 0.95, latency=(5.0, 9.0))
    found = judge([slow, quick], latency=LatencyLimit(max_ms_per_row=1.0))
    assert found.chosen == found.challenger == 1
    assert [(check.version, check.is_met) for check in found.checks] == [(2, False), (1, True)]


def test_every_group_has_its_minimum_and_few_rows_are_told() -> None:
    groups = [("north", 100, 0.95), ("south", 100, 0.7), ("west", 5, 0.2)]
    limits = (GroupLimit(column="clinic", threshold=0.8, min_rows=30),)
    found = judge([measured(2, 0.9, groups=groups)], groups=limits)
    assert found.chosen is None
    assert "accuracy where clinic = south (100 rows) 0.7000 misses the threshold 0.8" in found.reason
    assert "west" not in found.reason
    assert [check.is_met for check in found.checks] == [True, False, None]
    assert "west (5 rows) 0.2000: not judged, fewer than 30 rows" in found.checks[-1].detail
    relative = (GroupLimit(column="clinic", max_loss=0.05, min_rows=30),)
    before = measured(1, 0.85, groups=[("north", 100, 0.97), ("south", 100, 0.8), ("west", 5, 0.9)])
    assert "south" in judge([measured(2, 0.9, groups=groups)], before, groups=relative).reason
    undefined = judge([measured(2, 0.9, groups=[("north", 100, None)])], groups=limits)
    assert undefined.chosen == 2 and "is undefined: not judged" in undefined.checks[0].detail


def test_latency_has_bounds_of_its_own_and_to_the_champion() -> None:
    champion, slow = measured(1, 0.9, latency=(0.1, 1.0)), measured(2, 0.95, latency=(0.3, 1.0))
    found = judge([slow], champion, latency=LatencyLimit(max_slowdown=2))
    assert found.chosen is None and "3.00 times the champion's ms a row is more than max_slowdown 2" in found.reason
    assert judge([slow], champion, latency=LatencyLimit(max_slowdown=4, max_ms_per_call=1.0)).chosen == 2
    assert judge([slow], champion, latency=LatencyLimit(max_ms_per_call=0.5)).chosen is None
