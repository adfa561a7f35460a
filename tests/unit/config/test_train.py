"""Training options that go together or do not."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from dbx_dl.config import OptimizerConfig


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
