"""When a loss is no use any more, and which rows are named then."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from dbx_dl.config import OptimizerConfig
from dbx_dl.contracts import Batch
from dbx_dl.errors import RankFailedError
from dbx_dl.train.checkpoints import LoopState
from dbx_dl.train.divergence import check_loss
from dbx_dl.train.schedule import create_schedule
from dbx_dl.train.selection import Selection


def make_batch(inputs: Any, labels: Any = None) -> Batch:
    """Rows a, b, … and one of padding."""
    rows = np.append(np.array(inputs, np.float32), [[9e9]], axis=0)
    weights = (np.arange(len(rows)) < len(inputs)).astype(np.float32)
    return Batch(
        rows, np.zeros(len(rows)) if labels is None else np.array(labels), weights, [*"abcdef"[: len(inputs)], ""]
    )


def take(means: list[float], max_growth: float | None = 10.0, batch: Batch | None = None) -> LoopState:
    """Steps of two rows with these mean losses."""
    state = LoopState(create_schedule(OptimizerConfig(), 1, 10), Selection(None))
    for mean in means:
        check_loss(state, batch or make_batch([[1.0], [2.0]]), {"weight": 2.0, "loss": 2 * mean}, 0.1, max_growth)
        state.finish_step({})
    return state


@pytest.mark.parametrize(
    ("means", "is_fine"),
    [
        ([0.7, 0.01, 9.9], True),  # ten times 1, not ten times the lowest
        ([0.7, 0.01, 10.1], False),
        ([500.0, 4900.0], True),
        ([500.0, 5100.0], False),
        ([5100.0, 500.0, 5100.0], False),  # an outlier in the first step sets no level
        ([-200.0, 1900.0], True),  # losses of counts may be negative
        ([-200.0, 2100.0], False),
    ],
)
def test_a_loss_may_grow_up_to_a_factor_of_the_lowest_one(means: list[float], is_fine: bool) -> None:
    if is_fine:
        assert take(means).lowest_loss == min(means)
        return
    with pytest.raises(RankFailedError, match=rf"the loss grew from .* to .* in epoch 1, step {len(means)}, .* 0\.1 "):
        take(means)
    take(means, max_growth=None)


@pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_not_finite_is_never_fine(loss: float) -> None:
    with pytest.raises(RankFailedError, match=rf"the loss became {loss} in epoch 1, step 2, .*\(rows b, a\): lower "):
        take([1.0, loss], max_growth=None)


def test_a_batch_of_padding_has_no_mean() -> None:
    state = take([])
    check_loss(state, make_batch(np.zeros((0, 1))), {"weight": 0.0, "loss": 0.0}, 0.1, 10.0)
    assert state.lowest_loss is None


@pytest.mark.parametrize(
    ("batch", "named"),
    [
        (make_batch([[1.0], [-7.0], [2.0], [3.0]]), "(rows b, d, c, ...)"),
        (make_batch([[1.0], [np.nan], [-np.inf]]), "(2 of 3 rows are not finite: b, c)"),
        (make_batch([[1.0], [2.0]], [0.0, np.inf, 0.0]), "(1 of 2 rows are not finite: b)"),
        (Batch(np.zeros((2, 2, 2, 1), np.uint8), np.zeros(2, int), np.ones(2, np.float32), "ab"), "(rows a, b)"),
    ],
)
def test_the_most_extreme_rows_are_named_and_all_noted(batch: Batch, named: str) -> None:
    with pytest.raises(RankFailedError) as caught:
        take([math.nan], batch=batch)
    assert named in str(caught.value)
    assert caught.value.__notes__ == [f"the batch's rows: {', '.join(key for key in batch.keys if key)}"]


def test_no_more_than_a_thousand_rows_are_noted() -> None:
    keys = [f"k{row}" for row in range(1003)]
    batch = Batch(np.zeros((1003, 1)), np.zeros(1003), np.ones(1003, np.float32), keys)
    with pytest.raises(RankFailedError) as caught:
        take([math.nan], batch=batch)
    assert caught.value.__notes__[0].endswith("k998, k999, and 3 more")
