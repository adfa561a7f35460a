"""Distributions of rows that are drawn, counted by numpy as Spark counts them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from dbx_dl.contracts import Distribution, Distributions, VectorMoments, VectorSample
from dbx_dl.distributions.bins import EDGE_SHARES, choose_edges, choose_values, count_numbers

if TYPE_CHECKING:
    from numpy.typing import NDArray

Columns = dict[str, "NDArray[np.generic]"]


def fit(columns: Columns) -> Distributions:
    """The baseline that columns of numbers (NaN is null), texts ("" is null) and vectors (N, K) make."""
    found = {name: _fit_column(name, values) for name, values in columns.items() if values.ndim == 1}
    return _gather(columns, found)


def count(columns: Columns, baseline: Distributions) -> Distributions:
    """A window in the baseline's bins."""
    known = {column.column: column for column in baseline.columns}
    found = {name: _count_column(known[name], columns[name]) for name in known}
    return _gather(columns, found)


def _gather(columns: Columns, found: dict[str, Distribution]) -> Distributions:
    vectors = {name: np.asarray(values, np.float64) for name, values in columns.items() if values.ndim == 2}
    return Distributions(
        num_rows=len(next(iter(columns.values()))),
        columns=tuple(found.values()),
        moments=tuple(_measure_moments(name, values) for name, values in vectors.items()),
        samples=tuple(
            VectorSample(column=name, vectors=tuple(map(tuple, values[:500].tolist())))
            for name, values in vectors.items()
        ),
    )


def _fit_column(name: str, values: NDArray[np.generic]) -> Distribution:
    if values.dtype.kind == "f":
        known = values[np.isfinite(values)]
        edges = choose_edges(np.quantile(known, EDGE_SHARES, method="inverted_cdf"), known.min(), known.max())
        empty = Distribution(
            column=name, kind="number", num_rows=0, num_nulls=0, counts=(0,) * (len(edges) + 1), edges=edges
        )
        return _count_column(empty, values).model_copy(update={"deviation": float(known.std())})
    ranked = sorted(Counter(map(str, values[values != ""])).items(), key=lambda pair: (-pair[1], pair[0]))
    chosen, is_complete = choose_values(ranked, is_complete=True)
    empty = Distribution(
        column=name,
        kind="category",
        num_rows=0,
        num_nulls=0,
        counts=(0,) * (len(chosen) + 1),
        values=chosen,
        is_complete=is_complete,
    )
    return _count_column(empty, values)


def _count_column(like: Distribution, values: NDArray[np.generic]) -> Distribution:
    update: dict[str, object] = {"num_rows": len(values)}
    if like.kind == "number":
        counts, nulls = count_numbers(values.astype(np.float64), like.edges)
        known = values[np.isfinite(values.astype(np.float64))].astype(np.float64)
        update |= {"counts": counts, "num_nulls": nulls}
        if len(known):
            update |= {"minimum": float(known.min()), "maximum": float(known.max()), "mean": float(known.mean())}
    else:
        by_value = Counter(map(str, values[values != ""]))
        listed = [by_value.pop(value, 0) for value in like.values]
        update |= {"counts": (*listed, sum(by_value.values())), "num_nulls": int((values == "").sum())}
    return Distribution.model_validate(like.model_dump() | update)


def _measure_moments(name: str, values: NDArray[np.float64]) -> VectorMoments:
    covariance = np.atleast_2d(np.cov(values.T))
    return VectorMoments(
        column=name,
        size=values.shape[1],
        num_rows=len(values),
        mean=tuple(values.mean(axis=0).tolist()),
        covariance=tuple(covariance[np.triu_indices(values.shape[1])].tolist()),
    )
