"""Where clusters begin, by a sample of rows, and what becomes of those that no row of it belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from dbx_dl.errors import DataError
from dbx_dl.frameworks.cluster_layers import MIN_VARIANCE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Head = dict[str, NDArray[np.float32]]

# Rows of the train split by which clusters begin, and are looked after before every epoch.
NUM_SEEN = 4096
# Of large rows so many for each cluster at least.
NUM_OF_CLUSTER = 8
_NUM_STARTS = 6
_NUM_ROUNDS = 8


def start_clusters(points_nk: NDArray[np.floating], num_clusters: int, seed: int, *, is_mixture: bool) -> Head:
    """Weights of `Centroids`, or of `DiagonalMixture`, by name, for points (N, K); the largest cluster comes first.

    Centres are the best of some starts of k-means++ (Arthur and Vassilvitskii 2007), each refined by a few of Lloyd's
    iterations on these points (Bradley and Fayyad 1998, "Refining initial points for k-means clustering"). The order
    of points does not matter. DataError for fewer points than clusters.
    """
    if len(points_nk) < num_clusters:
        raise DataError(
            f"the train split shows {len(points_nk)} rows with a weight for {num_clusters} clusters: lower "
            "train.num_clusters, or prepare more rows"
        )
    points = np.asarray(points_nk, np.float64)
    points = points[np.lexsort(points.T)]
    random = np.random.default_rng(seed)
    starts = [_refine(points, _spread(points, num_clusters, random)) for _ in range(_NUM_STARTS)]
    centres = min(starts, key=lambda centres: float(_square_distances(points, centres).min(axis=1).sum()))
    clusters = _square_distances(points, centres).argmin(axis=1)
    centres = centres[np.argsort(-np.bincount(clusters, minlength=num_clusters), kind="stable")]
    if is_mixture:
        return _describe_mixture(points, centres)
    squares = _square_distances(points, centres)
    return _as_floats({"centres": centres, "log_variance": _log_variance(squares, points.shape[1])})


def mend_clusters(points_nk: NDArray[np.floating], outputs: NDArray[np.floating], head: Mapping[str, Floats]) -> Head:
    """The weights after clusters to which none of the points (N, K) belongs moved to the points that fit worst.

    `outputs` (N, 2 num_clusters) are the layer's for these points. The variance of `Centroids` becomes that of points
    about their centres, which keeps it for the epoch that follows: a file's is that of its last epoch's beginning. A
    cluster that is rarer than one of these points is among none of them, and moves, whatever other rows it has.
    """
    points = np.asarray(points_nk, np.float64)
    scores, squares = np.split(np.asarray(outputs, np.float64), 2, axis=1)
    changed = {name: np.array(values, np.float64) for name, values in head.items()}
    counts = np.bincount(scores.argmax(axis=1), minlength=scores.shape[1])
    empty = np.flatnonzero(counts == 0)[: len(points)]
    far = np.argsort(scores.max(axis=1), kind="stable")[: len(empty)]
    changed["centres"][empty] = points[far]
    if "log_variance" in changed:
        changed["log_variance"] = _log_variance(squares, points.shape[1])
    elif len(empty):
        changed["log_variances"][empty] = np.log(np.maximum(points.var(axis=0), MIN_VARIANCE))
        changed["log_shares"][empty] = changed["log_shares"].mean()
    return _as_floats(changed)


def _spread(points: Floats, num_clusters: int, random: np.random.Generator) -> Floats:
    """Centres drawn one after the other, far points with a greater chance; the best of some candidates each time."""
    num_candidates = 2 + int(np.log(num_clusters))
    chosen = [int(random.integers(len(points)))]
    nearest = np.square(points - points[chosen[0]]).sum(axis=1)
    while len(chosen) < num_clusters:
        total = nearest.sum()
        shares = nearest / total if total > 0 else None
        candidates = random.choice(len(points), num_candidates, p=shares)
        left = np.minimum(nearest, _square_distances(points, points[candidates]).T)
        best = int(left.sum(axis=1).argmin())
        chosen.append(int(candidates[best]))
        nearest = left[best]
    return points[chosen]


def _refine(points: Floats, centres: Floats) -> Floats:
    for _ in range(_NUM_ROUNDS):
        members = np.eye(len(centres))[_square_distances(points, centres).argmin(axis=1)]
        counts = members.sum(axis=0)[:, None]
        centres = np.where(counts > 0, members.T @ points / np.maximum(counts, 1), centres)
    return centres


def _describe_mixture(points: Floats, centres: Floats) -> Head:
    """Variances and shares of the points nearest to each centre, drawn a little towards those of all."""
    members = np.eye(len(centres))[_square_distances(points, centres).argmin(axis=1)]
    counts = members.sum(axis=0)[:, None]
    own = np.stack([member @ np.square(points - centre) for member, centre in zip(members.T, centres, strict=True)])
    pooled = own.sum(axis=0) / len(points)
    variances = (own + pooled) / (counts + 1)
    return _as_floats(
        {
            "centres": centres,
            "log_variances": np.log(np.maximum(variances - MIN_VARIANCE, MIN_VARIANCE)),
            "log_shares": np.log((counts[:, 0] + 1) / (len(points) + len(centres))),
        }
    )


def _log_variance(squares_nc: Floats, width: int) -> Floats:
    return np.asarray(np.log(np.maximum(squares_nc.min(axis=1).mean() / width, 1e-12)))


def _square_distances(points: Floats, centres: Floats) -> Floats:
    """(N, C), by products: where rows begin, rounding of small distances does not matter."""
    squares = np.square(points).sum(axis=1)[:, None] - 2 * points @ centres.T + np.square(centres).sum(axis=1)
    return np.asarray(np.maximum(squares, 0.0))


def _as_floats(head: Mapping[str, Floats]) -> Head:
    return {name: np.asarray(values, np.float32) for name, values in head.items()}
