"""Partial dependence: what a model predicts on average when one feature has a value in all rows.

Friedman, "Greedy Function Approximation: A Gradient Boosting Machine", 2001, section 8.2; curves of single rows (ICE):
Goldstein et al., "Peeking Inside the Black Box", 2015.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dbx_dl.explain.methods.rows import Floats, Player, Predict, Rows, count_rows, replace_feature


@dataclass(frozen=True)
class Curve:
    """Mean scores (G, K) at G points of a feature, and those of each row (G, N, K) where they are asked for."""

    points: NDArray[Any]
    means_gk: Floats
    rows_gnk: Floats | None = None


def choose_points(values: NDArray[Any], num_points: int) -> NDArray[Any]:
    """Points of a feature's values (N,): of numbers distinct quantiles from 0 to 1, of others the most frequent ones.

    Missing values are left out; none where nothing else is there.
    """
    if values.dtype.kind == "b":  # their names would both be true
        return np.unique(values)
    if values.dtype.kind in "OUS":
        found, counts = np.unique(values[values != ""].astype(str), return_counts=True)
        order = np.lexsort((found, -counts))[:num_points]
        return np.sort(found[order]).astype(object)
    known = values if values.dtype.kind in "iu" else values[np.isfinite(values)]
    if not len(known):
        return known
    # A value that is there, not one in between: a feature may have few.
    return np.unique(np.quantile(known, np.linspace(0, 1, num_points), method="nearest"))


def draw_curve(rows: Rows, player: Player, points: NDArray[Any], predict: Predict, *, has_rows: bool = False) -> Curve:
    """The mean prediction over all rows with the feature at each of the points; the rows themselves stay.

    The feature is one input (N,), or one entry of an input (N, k). ValueError without points.
    """
    if not len(points):
        raise ValueError(f"a curve of {player.name} needs points")
    num_rows = count_rows(rows)
    (name,) = player.inputs[:1]
    curves = []
    for point in points:
        if player.place is None:
            values = np.full(rows[name].shape, point, rows[name].dtype)
        else:
            values = np.repeat(np.full((1, rows[name].shape[1]), point, rows[name].dtype), num_rows, axis=0)
        # What else belongs to the feature says that it is missing, which it then is not.
        others = {other: np.zeros(num_rows, rows[other].dtype) for other in player.inputs[1:]}
        curves.append(predict(replace_feature(rows, player, {name: values, **others})))
    stacked = np.stack(curves)
    return Curve(points, stacked.mean(axis=1), stacked if has_rows else None)
