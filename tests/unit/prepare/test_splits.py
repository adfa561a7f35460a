"""The shares of [0, 1) that splits get cover it in order, without splits of fraction 0."""

from __future__ import annotations

import pytest

from dbx_dl.config import SplitConfig
from dbx_dl.prepare.splits import split_bounds


@pytest.mark.parametrize(
    ("fractions", "expected"),
    [
        ((0.7, 0.15, 0.15), [("train", 0.7), ("validation", 0.85), ("test", 1.0)]),
        ((0.8, 0.0, 0.2), [("train", 0.8), ("test", 1.0)]),
        ((0.9, 0.1, 0.0), [("train", 0.9), ("validation", 1.0)]),
        ((1.0, 0.0, 0.0), [("train", 1.0)]),
    ],
)
def test_bounds(fractions: tuple[float, float, float], expected: list[tuple[str, float]]) -> None:
    train, validation, test = fractions
    bounds = split_bounds(SplitConfig(train=train, validation=validation, test=test))
    assert [name for name, _ in bounds] == [name for name, _ in expected]
    assert [upper for _, upper in bounds] == pytest.approx([upper for _, upper in expected])
    assert bounds[-1][1] == 1.0
