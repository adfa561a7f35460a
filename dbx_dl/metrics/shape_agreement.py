"""How far two people's boxes or polygons of one image agree: overlaps of those that go together."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from dbx_dl.metrics.boxes import overlap

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def match_overlaps(overlaps_ab: Floats, first_labels: Sequence[str], second_labels: Sequence[str]) -> Floats:
    """The overlaps of the pairs that go together: of equal labels, the greatest first, each shape once."""
    is_same = np.array(first_labels)[:, None] == np.array(second_labels)[None]
    left = np.where(is_same, overlaps_ab, 0.0) if overlaps_ab.size else overlaps_ab
    found = []
    while left.size and left.max() > 0:
        place = np.unravel_index(int(left.argmax()), left.shape)
        found.append(left[place])
        left[place[0], :] = 0
        left[:, place[1]] = 0
    return np.array(found, np.float64)


def shape_agreement(overlaps_ab: Floats, first_labels: Sequence[str], second_labels: Sequence[str]) -> float:
    """Overlaps (intersection over union) of the pairs that go together, by the number of shapes of who has more.

    1 where both have the same shapes, or none; a shape that the other lacks, or labels otherwise, counts 0.
    """
    num_shapes = max(len(first_labels), len(second_labels))
    if num_shapes == 0:
        return 1.0
    return float(match_overlaps(overlaps_ab, first_labels, second_labels).sum() / num_shapes)


def overlap_boxes(first_a4: NDArray[Any], second_b4: NDArray[Any]) -> Floats:
    """Intersection over union (A, B) of boxes: x, y, width, height."""
    return overlap(first_a4.reshape(-1, 4), second_b4.reshape(-1, 4))


def overlap_polygons(
    first: Sequence[NDArray[Any]], second: Sequence[NDArray[Any]], is_asked_ab: NDArray[np.bool_] | None = None
) -> Floats:
    """Intersection over union (A, B) of polygons (K, 2), whatever their form; 0 where both have no area.

    Pairs that are not asked for are 0, such as those of other labels; pairs that lie apart cost next to nothing.
    """
    found = np.zeros((len(first), len(second)))
    if not found.size:
        return found
    is_near = _may_overlap(_find_bounds(first), _find_bounds(second))
    for row, column in np.argwhere(is_near if is_asked_ab is None else is_near & is_asked_ab).tolist():
        found[row, column] = _overlap_two(first[row].astype(np.float64), second[column].astype(np.float64))
    return found


def _find_bounds(polygons: Sequence[NDArray[Any]]) -> Floats:
    """The least and the greatest x and y (N, 4) of polygons."""
    return np.array([[*points.min(axis=0), *points.max(axis=0)] for points in polygons], np.float64)


def _may_overlap(first_a4: Floats, second_b4: Floats) -> NDArray[np.bool_]:
    """Whether the boxes around two polygons share more than an edge (A, B)."""
    lows = np.maximum(first_a4[:, None, :2], second_b4[None, :, :2])
    highs = np.minimum(first_a4[:, None, 2:], second_b4[None, :, 2:])
    return np.asarray((lows < highs).all(axis=2))


def _overlap_two(first_k2: Floats, second_k2: Floats) -> float:
    """Exact: between two heights at which edges start, end or cross, every width changes evenly.

    A point is inside where a ray from it crosses the outline an odd number of times, also of one that crosses itself.
    """
    edges = [_list_edges(first_k2), _list_edges(second_k2)]
    every = np.concatenate(edges)
    heights = np.unique(np.concatenate([every[:, 1], every[:, 3], _cross(every)]))
    shared = union = 0.0
    for low, high in pairwise(heights):
        one, other = (_cut_at((low + high) / 2, side) for side in edges)
        both = _shared_width(one, other)
        shared += both * (high - low)
        union += (_width(one) + _width(other) - both) * (high - low)
    return shared / union if union > 0 else 0.0


def _list_edges(points_k2: Floats) -> Floats:
    """x, y of both ends of each edge (K, 4), the lower one first; level ones, which no height cuts, are left out."""
    edges = np.concatenate([points_k2, np.roll(points_k2, -1, axis=0)], axis=1)
    is_falling = edges[:, 1] > edges[:, 3]
    edges[is_falling] = edges[is_falling][:, [2, 3, 0, 1]]
    return edges[edges[:, 1] < edges[:, 3]]


def _cross(edges_e4: Floats) -> Floats:
    """The heights at which two edges cross."""
    x1, y1, x2, y2 = (edges_e4[:, column][:, None] for column in range(4))
    slope = (x2 - x1) / (y2 - y1)
    offset = x1 - slope * y1
    rise, gap = slope - slope.T, offset.T - offset
    heights = np.divide(gap, rise, out=np.full(rise.shape, np.nan), where=rise != 0)
    is_within = (heights > np.maximum(y1, y1.T)) & (heights < np.minimum(y2, y2.T))
    return np.asarray(heights[is_within])


def _cut_at(height: float, edges_e4: Floats) -> Floats:
    """Where a level line enters and leaves (J, 2)."""
    x1, y1, x2, y2 = edges_e4[(edges_e4[:, 1] < height) & (height < edges_e4[:, 3])].T
    crossings = np.sort(x1 + (x2 - x1) * (height - y1) / (y2 - y1))
    return crossings[: len(crossings) // 2 * 2].reshape(-1, 2)


def _width(spans_j2: Floats) -> float:
    return float((spans_j2[:, 1] - spans_j2[:, 0]).sum())


def _shared_width(one_j2: Floats, other_k2: Floats) -> float:
    ends = np.minimum(one_j2[:, None, 1], other_k2[None, :, 1])
    starts = np.maximum(one_j2[:, None, 0], other_k2[None, :, 0])
    return float(np.clip(ends - starts, 0, None).sum())
