"""What a run may ask of a champion."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from dbx_dl.config import GroupLimit, LatencyLimit, MetricLimit, parse_run_config
from dbx_dl.errors import ConfigError

DIGITS = yaml.safe_load((Path(__file__).parents[3] / "conf" / "runs" / "digits.yml").read_text())


def parse(registry: dict[str, Any]) -> Any:
    return parse_run_config({**DIGITS, "registry": {"name": "digits", **registry}}, "run.yml").registry


def test_every_condition_can_be_written() -> None:
    found = parse(
        {
            "metric": "balanced_accuracy",
            "threshold": 0.9,
            "min_gain": 0.01,
            "certain_gain": True,
            "limits": {"log_loss": {"threshold": 0.3, "max_loss": 0.02}},
            "groups": [{"column": "clinic", "threshold": 0.8}, {"column": "clinic", "metric": "auc", "max_loss": 0.1}],
            "latency": {"max_ms_per_row": 1, "max_slowdown": 2},
            "ledger": "main.ops.promotions",
        }
    )
    assert found.limits == {"log_loss": MetricLimit(threshold=0.3, max_loss=0.02)}
    assert found.groups[1] == GroupLimit(column="clinic", metric="auc", max_loss=0.1)
    assert found.latency == LatencyLimit(max_ms_per_row=1.0, max_slowdown=2.0)


@pytest.mark.parametrize(
    ("registry", "message"),
    [
        ({"limits": {"log_loss": {}}}, "registry.limits.log_loss: needs a threshold, a max_loss, or both"),
        ({"limits": {"log_los": {"threshold": 1}}}, "registry.limits.log_los"),
        ({"groups": [{"column": "c"}]}, "needs a threshold, a max_loss, or both"),
        (
            {"groups": [{"column": "c", "threshold": 1}, {"column": "c", "max_loss": 1}]},
            "registry: groups name a column twice for one metric",
        ),
        ({"metric": "precision"}, "registry.metric"),
        ({"min_gain": -1}, "registry.min_gain"),
        ({"treshold": 1}, "unknown key 'registry.treshold'; did you mean 'threshold'?"),
    ],
)
def test_what_says_nothing_or_too_much_is_refused(registry: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as failure:
        parse(registry)
    assert message in str(failure.value)
