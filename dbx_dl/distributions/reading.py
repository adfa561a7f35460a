"""Counted cells become distributions of columns, of a baseline and of windows alike."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from dbx_dl.contracts import Distribution, Distributions, VectorMoments
from dbx_dl.distributions.cells import MAX_UNSEEN, NAMED, NULLS, SUMS
from dbx_dl.distributions.counting import ALONE, SHARED

if TYPE_CHECKING:
    from dbx_dl.distributions.cells import Place
    from dbx_dl.distributions.counting import Cell, Cells


def read_distributions(
    cells: Cells,
    places: Sequence[Place],
    window: str,
    num_rows: int,
    incomplete: Collection[int] = (),
    deviations: Mapping[int, float | None] | None = None,
) -> Distributions:
    """How the places' columns are distributed over the rows of one window, of which there are `num_rows`.

    `incomplete` are the places of categories that had other values where these were chosen, `deviations` are known ones
    of numbers by place.
    """
    found = [(i, place, cells.get((window, i), {})) for i, place in enumerate(places)]
    known = deviations or {}
    return Distributions(
        num_rows=num_rows,
        columns=tuple(
            _read_counts(place, own, is_complete=i not in incomplete, deviation=known.get(i))
            for i, place, own in found
            if place.measure.kind in ("number", "category", "presence")
        ),
        moments=tuple(_read_moments(place, own) for _, place, own in found if place.measure.kind == "vector"),
        near_duplicates={
            place.measure.column: _share_hashes(own) for _, place, own in found if place.measure.kind == "hash"
        },
    )


def _read_counts(
    place: Place, cells: Mapping[int, Cell], *, is_complete: bool, deviation: float | None
) -> Distribution:
    is_number = place.measure.kind == "number"
    num_bins = len(place.edges if is_number else place.values) + 1
    counts = tuple(cells[i].num_rows if i in cells else 0 for i in range(num_bins))
    nulls = cells[NULLS].num_rows if NULLS in cells else 0
    sums = cells.get(SUMS)
    name = place.measure.name
    if name == "hash":
        raise ValueError("hashes have no distribution")
    return Distribution(
        column=place.measure.column,
        measure=name,
        kind="number" if is_number else "category",
        num_rows=sum(counts) + nulls,
        num_nulls=nulls,
        counts=counts,
        edges=place.edges,
        values=place.values,
        is_complete=is_complete,
        unseen=_name_most(cells[NAMED].rows_by_text) if NAMED in cells else {},
        minimum=None if sums is None else sums.least,
        maximum=None if sums is None else sums.most,
        mean=None if sums is None else _keep_finite(sums.total / sums.num_rows),
        deviation=_keep_finite(deviation),
    )


def _name_most(rows_by_text: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(rows_by_text.items(), key=lambda pair: (-pair[1], pair[0]))[:MAX_UNSEEN])


def _keep_finite(value: float | None) -> float | None:
    """The number, unless sums of very large ones have made it none."""
    return value if value is not None and math.isfinite(value) else None


def _read_moments(place: Place, cells: Mapping[int, Cell]) -> VectorMoments:
    """The mean, and the covariance with the divisor n - 1; zeros without rows, or where their sums overflow."""
    axes = place.num_axes
    num_rows = cells[0].num_rows if 0 in cells else 0
    totals = np.array([cells[i].total if i in cells else 0.0 for i in range(axes + axes * (axes + 1) // 2)])
    if not np.isfinite(totals).all():
        num_rows, totals = 0, np.zeros_like(totals)
    mean = totals[:axes] / max(1, num_rows)
    upper = np.triu_indices(axes)
    products = totals[axes:] - num_rows * (mean[:, None] * mean)[upper]
    return VectorMoments(
        column=place.measure.column,
        size=place.measure.size,
        num_rows=num_rows,
        mean=tuple(mean.tolist()),
        covariance=tuple((products / max(1, num_rows - 1)).tolist()),
    )


def _share_hashes(cells: Mapping[int, Cell]) -> float:
    shared, alone = (cells[i].num_rows if i in cells else 0 for i in (SHARED, ALONE))
    return shared / max(1, shared + alone)
