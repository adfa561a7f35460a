"""How well rows are grouped: by their distances to centres, by those to each other, and beside classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

# Distances of so many pairs of rows are looked at together.
_MAX_PAIRS = 2**20
RAND, INFORMATION = "adjusted_rand_index", "normalized_mutual_information"


def simplify_silhouette(own: Floats, other: Floats) -> Floats:
    """Each row's simplified silhouette (N,), between -1 and 1; 0 where both distances are 0.

    (b - a) / max(a, b) of the distance a (N,) to the row's own centre and b (N,) to the nearest other one (Hruschka,
    de Castro and Campello 2004, "Evolutionary algorithms for clustering gene-expression data").
    """
    largest = np.maximum(own, other)
    return np.divide(other - own, largest, out=np.zeros_like(largest), where=largest > 0)


def silhouette(points_nk: NDArray[Any], clusters: NDArray[np.integer]) -> Floats:
    """Each row's silhouette (N,) by its distances to all rows (Rousseeuw 1987), as scikit-learn's `silhouette_samples`.

    `clusters` (N,) are any whole numbers. A row that is alone in its cluster, and all where there is one cluster, have
    0. Squared distances are found by products of centred points. Time grows with the square of N.
    """
    _, numbers = np.unique(clusters, return_inverse=True)
    points, sizes = np.asarray(points_nk, np.float64), np.bincount(numbers)
    if len(sizes) < 2:
        return np.zeros(len(points))
    points = points - points.mean(axis=0)
    members = np.eye(len(sizes))[numbers]
    found = np.zeros(len(points))
    norms = np.square(points).sum(axis=1)
    step = max(1, _MAX_PAIRS // len(points))
    for start in range(0, len(points), step):
        rows = slice(start, start + step)
        squares = norms[rows, None] - 2 * points[rows] @ points.T + norms
        # A product does not give exactly 0 for a row and itself.
        places = np.arange(len(squares))
        squares[places, start + places] = 0.0
        sums = np.sqrt(np.maximum(squares, 0.0)) @ members
        own = places, numbers[rows]
        within = sums[own] / np.maximum(sizes[numbers[rows]] - 1, 1)
        means = sums / sizes
        means[own] = np.inf
        found[rows] = np.where(sizes[numbers[rows]] > 1, simplify_silhouette(within, means.min(axis=1)), 0.0)
    return found


def weigh_rows(own: Floats, other: Floats, log_densities: Floats, weights_bn: Floats) -> dict[str, Floats]:
    """The simplified silhouette, inertia and nll under B weightings (B, N) whose sums are 1: (B,) each.

    Inertia is the mean squared distance to the own centre, nll the mean negative log density of rows.
    """
    rows = {
        "simplified_silhouette": simplify_silhouette(own, other),
        "inertia": np.square(own),
        "nll": -log_densities,
    }
    return {name: weights_bn @ values for name, values in rows.items()}


def weigh_agreement(
    labels: NDArray[np.integer],
    clusters: NDArray[np.integer],
    weights_bn: Floats,
    metrics: Sequence[str] = (RAND, INFORMATION),
) -> dict[str, Floats]:
    """These metrics of classes and clusters (N,) under B weightings (B, N): (B,) each.

    The adjusted Rand index (Hubert and Arabie 1985) is 1 for the same partition and 0 on average for a random one;
    normalized mutual information is divided by the mean of both entropies. Weights are scaled to a mean of 1, so that
    whole numbers of rows are counted where all weigh alike. Both are 1 where classes and clusters are one each.
    """
    _, rows = np.unique(labels, return_inverse=True)
    _, columns = np.unique(clusters, return_inverse=True)
    num_rows, num_columns = int(rows.max()) + 1, int(columns.max()) + 1
    cells, num_cells = rows * num_columns + columns, num_rows * num_columns
    totals = weights_bn.sum(axis=1, keepdims=True)
    scaled_bn = weights_bn * (len(labels) / np.where(totals > 0, totals, np.nan))
    counts: Floats = np.stack([np.bincount(cells, weights, num_cells).astype(np.float64) for weights in scaled_bn])
    counts = counts.reshape(-1, num_rows, num_columns)
    measures = {RAND: _adjusted_rand, INFORMATION: _normalized_information}
    return {name: measures[name](counts) for name in metrics}


def _adjusted_rand(counts_brc: Floats) -> Floats:
    both, of_rows, of_columns = (
        _count_pairs(counts_brc).sum(axis=(1, 2)),
        *(_count_pairs(counts_brc.sum(axis=axis)).sum(axis=1) for axis in (2, 1)),
    )
    pairs = _count_pairs(counts_brc.sum(axis=(1, 2)))
    expected, largest = of_rows * of_columns / np.maximum(pairs, 1), (of_rows + of_columns) / 2
    gap = largest - expected
    return np.where(np.abs(gap) > 1e-12, (both - expected) / np.where(gap == 0, 1, gap), 1.0)


def _count_pairs(counts: Floats) -> Floats:
    return counts * (counts - 1) / 2


def _normalized_information(counts_brc: Floats) -> Floats:
    shares = counts_brc / counts_brc.sum(axis=(1, 2), keepdims=True)
    of_rows, of_columns = (_entropy(shares.sum(axis=axis)) for axis in (2, 1))
    together = _entropy(shares.reshape(len(shares), -1))
    mean = (of_rows + of_columns) / 2
    return np.where(mean > 1e-12, (of_rows + of_columns - together) / np.where(mean == 0, 1, mean), 1.0)


def _entropy(shares_bk: Floats) -> Floats:
    logs = np.log(np.where(shares_bk > 0, shares_bk, 1.0))
    return np.asarray(-(shares_bk * logs).sum(axis=1))
