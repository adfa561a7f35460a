"""What is counted of windows so that they can be compared with a baseline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dbx_dl.contracts import FileSpec, ImageSpec
from dbx_dl.distributions.cells import Place
from dbx_dl.distributions.measures import HASH, Measure

if TYPE_CHECKING:
    from dbx_dl.contracts import Distribution, Distributions, InputSpec
    from dbx_dl.distributions.measures import MeasuredKind


def list_places(baseline: Distributions, inputs: InputSpec | None) -> tuple[Place, ...]:
    """What is counted of windows to compare it with the baseline: its measures, in its bins, and images' hashes."""
    names, booleans = _list_inputs(inputs), _list_booleans(inputs)
    places = [
        Place(
            Measure(
                column=column.column,
                kind=_find_kind(column),
                name=column.measure,
                is_input=column.column in names,
                is_boolean=column.column in booleans,
            ),
            edges=column.edges,
            values=column.values,
            names_others=column.kind == "category" and column.is_complete,
        )
        for column in baseline.columns
        if column.measure == "value" or inputs is not None
    ]
    places += [
        Place(Measure(found.column, "vector", is_input=found.column in names, size=found.size))
        for found in baseline.moments
    ]
    if isinstance(inputs, ImageSpec) and any(column.column == inputs.column for column in baseline.columns):
        places.append(Place(Measure(inputs.column, "hash", HASH)))
    return tuple(places)


def list_incomplete(places: Sequence[Place], baseline: Distributions) -> frozenset[int]:
    """Places of categories that had other values beside those that are counted."""
    incomplete = {(column.column, column.measure) for column in baseline.columns if not column.is_complete}
    return frozenset(i for i, place in enumerate(places) if (place.measure.column, place.measure.name) in incomplete)


def _find_kind(column: Distribution) -> MeasuredKind:
    if column.kind == "number":
        return "number"
    return "category" if column.values or column.is_complete else "presence"


def _list_inputs(inputs: InputSpec | None) -> frozenset[str]:
    if inputs is None:
        return frozenset()
    return frozenset((inputs.column,) if isinstance(inputs, FileSpec) else inputs.columns)


def _list_booleans(inputs: InputSpec | None) -> frozenset[str]:
    if inputs is None or isinstance(inputs, FileSpec):
        return frozenset()
    return frozenset(f.column for f in inputs.features if f.kind == "numeric" and f.is_boolean)
