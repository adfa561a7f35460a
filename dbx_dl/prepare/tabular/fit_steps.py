"""Columns of numbers by step become fitted features, and a length at which rows are cut."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from dbx_dl.contracts import StepsFeature, StepsSpec
from dbx_dl.errors import DataError

if TYPE_CHECKING:
    from dbx_dl.config import StepsColumn
    from dbx_dl.prepare.tabular.step_measures import StepMeasures

# Where the config does not say: the longest row of the train split, or so many steps.
DEFAULT_MAX_STEPS = 1024


def fit_steps(columns: Mapping[str, StepsColumn], measures: Mapping[str, StepMeasures]) -> StepsSpec:
    """Means fill what is missing; `standard` is mean and population deviation of all numbers of a column.

    DataError when a column has no number, or numbers too far apart.
    """
    given = [column.max_steps for column in columns.values() if column.max_steps is not None]
    longest = next(iter(measures.values())).longest
    max_steps = given[0] if given else min(max(1, longest), DEFAULT_MAX_STEPS)
    features = tuple(_fit(name, column, measures[name]) for name, column in columns.items())
    return StepsSpec(features=features, max_steps=max_steps)


def _fit(name: str, column: StepsColumn, measures: StepMeasures) -> StepsFeature:
    if not measures.num_numbers:
        raise DataError(f"column {name!r} has no number in the train split: ignore it")
    mean, deviation = measures.mean, measures.deviation
    if not (math.isfinite(mean) and math.isfinite(deviation)):
        raise DataError(f"column {name!r} has numbers too far apart for a mean and a deviation in float64")
    if column.scale == "none":
        return StepsFeature(column=name, fill=mean)
    return StepsFeature(column=name, fill=mean, center=mean, scale=deviation or 1.0)


def describe_steps(spec: StepsSpec, measures: StepMeasures) -> list[str]:
    """Sentences about rows that are cut or have no step."""
    num_rows, sentences = sum(measures.lengths.values()), []
    if num_cut := measures.count_longer(spec.max_steps):
        sentences.append(
            f"{num_cut} of {num_rows} rows of the train split have more than {spec.max_steps} steps (the longest "
            f"{measures.longest}): what is behind those is not read"
        )
    if num_empty := measures.lengths.get(0, 0):
        sentences.append(f"{num_empty} of {num_rows} rows of the train split have no step")
    return sentences
