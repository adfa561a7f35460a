"""Training options that go together or do not."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from dbx_dl.config import OptimizerConfig, TrainConfig, parse_run_config
from dbx_dl.errors import ConfigError


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"momentum": 0.9}, "momentum goes with sgd and rmsprop, not adam"),
        ({"name": "rmsprop", "momentum": 0.9, "nesterov": True}, "nesterov goes with sgd"),
        ({"name": "sgd", "nesterov": True}, "a momentum above 0"),
        ({"clip_norm": 0}, "greater than 0"),
        ({"accumulate_batches": 0}, "greater than 0"),
    ],
)
def test_what_does_not_fit_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        OptimizerConfig(**options)


def test_weight_decay_belongs_to_adamw_unless_it_is_given() -> None:
    assert [OptimizerConfig(name=name).decay_of_weights for name in ("adam", "adamw", "sgd")] == [0.0, 0.01, 0.0]  # type: ignore[arg-type]
    assert OptimizerConfig(name="adamw", weight_decay=0).decay_of_weights == 0.0
    assert OptimizerConfig(name="sgd", weight_decay=0.5).decay_of_weights == 0.5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"freeze": []}, "unfreeze goes with freeze: without it all layers are trained"),
        ({"num_epochs": 2}, r"unfreeze of conv\* in epoch 3 never comes: num_epochs is 2"),
        ({"unfreeze": [{"epoch": 1, "layers": ["conv*"]}]}, "greater than 1"),
        ({"unfreeze": [{"epoch": 3, "layers": []}]}, "at least 1 item"),
        ({"unfreeze": [{"epoch": 3, "layers": ["conv*"], "learning_rate": 0}]}, "greater than 0"),
        ({"max_loss_growth": 1}, "greater than 1"),
    ],
)
def test_stages_that_cannot_be_are_refused(options: dict[str, Any], message: str) -> None:
    valid = {"network": "mlp", "freeze": ["conv*"], "unfreeze": [{"epoch": 3, "layers": ["conv*"]}]}
    assert TrainConfig.model_validate(valid).unfreeze[0].learning_rate is None
    with pytest.raises(ValidationError, match=message):
        TrainConfig.model_validate(valid | options)


def test_a_mistyped_key_of_a_stage_is_refused_with_its_place() -> None:
    train = {"network": "mlp", "freeze": ["a"], "unfreeze": [{"epohc": 3, "layers": ["a"]}]}
    with pytest.raises(ConfigError, match=r"unknown key 'train\.unfreeze\.0\.epohc'; did you mean 'epoch'"):
        parse_run_config({"name": "n", "directory": "d", "train": train})
