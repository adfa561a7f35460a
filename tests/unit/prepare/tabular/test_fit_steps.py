"""Measures of numbers by step become a spec, and sentences about what is cut."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pydantic import ValidationError

from dbx_dl.config import PrepareTableConfig, StepsColumn
from dbx_dl.contracts import StepsFeature
from dbx_dl.errors import DataError
from dbx_dl.prepare.tabular.fit_steps import describe_steps, fit_steps
from dbx_dl.prepare.tabular.step_measures import StepMeasures

MEASURES = StepMeasures({3: 5, 7: 2, 0: 1}, num_numbers=29, minimum=-1, maximum=4, mean=1.5, deviation=2.0)


def test_means_fill_and_deviations_scale() -> None:
    columns = {"x": StepsColumn(), "y": StepsColumn(scale="none"), "z": StepsColumn()}
    spec = fit_steps(columns, {"x": MEASURES, "y": MEASURES, "z": replace(MEASURES, deviation=0.0)})
    assert spec.max_steps == 7
    assert spec.features == (
        StepsFeature(column="x", fill=1.5, center=1.5, scale=2.0),
        StepsFeature(column="y", fill=1.5),
        StepsFeature(column="z", fill=1.5, center=1.5, scale=1.0),
    )


def test_long_rows_are_cut_and_that_is_told() -> None:
    spec = fit_steps({"x": StepsColumn(max_steps=5)}, {"x": MEASURES})
    assert spec.max_steps == 5
    cut, empty = describe_steps(spec, MEASURES)
    assert cut.startswith("2 of 8 rows of the train split have more than 5 steps (the longest 7)")
    assert empty == "1 of 8 rows of the train split have no step"
    assert fit_steps({"x": StepsColumn()}, {"x": replace(MEASURES, lengths={5000: 1})}).max_steps == 1024


def test_columns_without_numbers_or_with_extreme_ones_are_refused() -> None:
    with pytest.raises(DataError, match="column 'x' has no number in the train split"):
        fit_steps({"x": StepsColumn()}, {"x": StepMeasures({2: 1})})
    with pytest.raises(DataError, match="too far apart"):
        fit_steps({"x": StepsColumn()}, {"x": replace(MEASURES, deviation=float("inf"))})


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"x": "steps", "y": "numeric"}, "'x' has numbers by step: ignore others, y"),
        ({"x": {"kind": "steps", "max_steps": 3}, "y": {"kind": "steps", "max_steps": 4}}, "`max_steps` is one number"),
    ],
)
def test_what_does_not_go_beside_steps_is_told(columns: dict[str, object], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        PrepareTableConfig.model_validate({"source": "s", "table": "t", "key": "k", "label": "l", "columns": columns})
