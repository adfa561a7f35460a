"""Boxes found in images against the true ones: which are kept, how far they overlap, and average precision.

Boxes are x, y of the left upper corner, width and height, in any unit. Candidates (N, B, 5 + C) are B boxes an image:
confidence that there is an object, the box, and a probability for each of C labels. Truth (N, M, 5) is label and box; a
place without a box has no width and height.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dbx_dl.metrics.weighting import keep_weighted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

# Boxes that are less likely are none; of two that overlap by more, and have the same label, the likelier one stays.
LEAST_PROBABILITY = 0.05
MOST_OVERLAP = 0.5
# A box is found where one of its label overlaps it by as much.
FOUND_OVERLAP = 0.5


@dataclass(frozen=True)
class KeptBoxes:
    """K boxes of N images: whose image, which label, how likely, and where (K, 4); likely ones first in each image."""

    rows: NDArray[np.int64]
    labels: NDArray[np.int64]
    probabilities: Floats
    boxes: Floats


@dataclass(frozen=True)
class MatchedBoxes:
    """Kept boxes, which of them are right, and of each image the number of true boxes by label (N, C) and overlaps.

    `overlaps` (N,) sums, over an image's true boxes, the most that a kept box of their label overlaps each by.
    """

    kept: KeptBoxes
    is_right: NDArray[np.bool_]
    num_true: NDArray[np.int64]
    overlaps: Floats


def overlap(first_a4: NDArray[Any], second_b4: NDArray[Any]) -> Floats:
    """Intersection over union (A, B) of every box with every other; 0 where one has no area."""
    first, second = (boxes.astype(np.float64) for boxes in (first_a4, second_b4))
    ends = np.minimum((first[:, :2] + first[:, 2:])[:, None], (second[:, :2] + second[:, 2:])[None])
    sides = np.clip(ends - np.maximum(first[:, None, :2], second[None, :, :2]), 0, None)
    common = sides.prod(axis=2)
    union = first[:, 2:].prod(axis=1)[:, None] + second[:, 2:].prod(axis=1)[None] - common
    return np.asarray(np.divide(common, union, out=np.zeros_like(common), where=union > 0))


def keep_boxes(candidates_nbk: NDArray[np.floating]) -> KeptBoxes:
    """What is taken for an object: of each candidate the likeliest label, by non-maximum suppression.

    The probability is confidence x probability of the label, at least LEAST_PROBABILITY; boxes are cut off at 0 and 1.
    """
    candidates = candidates_nbk.astype(np.float64)
    labels_nb = candidates[..., 5:].argmax(axis=2)
    likely_nb = candidates[..., 0] * candidates[..., 5:].max(axis=2, initial=0.0)
    corners = np.clip(candidates[..., 1:3], 0, 1)
    boxes_nb4 = np.concatenate([corners, np.clip(candidates[..., 1:3] + candidates[..., 3:5], 0, 1) - corners], axis=2)
    is_box = (likely_nb >= LEAST_PROBABILITY) & (boxes_nb4[..., 2:] > 0).all(axis=2)
    rows, places = [], []
    for row in np.flatnonzero(is_box.any(axis=1)).tolist():
        found = np.flatnonzero(is_box[row])
        found = found[np.argsort(-likely_nb[row, found], kind="stable")]
        kept = found[_suppress(boxes_nb4[row, found], labels_nb[row, found])]
        rows.append(np.full(len(kept), row))
        places.append(kept)
    at = (np.concatenate(rows), np.concatenate(places)) if rows else (np.zeros(0, np.int64), np.zeros(0, np.int64))
    return KeptBoxes(at[0], labels_nb[at], likely_nb[at], boxes_nb4[at])


def _suppress(boxes_k4: Floats, labels_k: NDArray[np.int64]) -> NDArray[np.int64]:
    """Places of the boxes, likely ones first, that no kept one of their label overlaps too much."""
    is_rival = (overlap(boxes_k4, boxes_k4) > MOST_OVERLAP) & (labels_k[:, None] == labels_k)
    is_kept = np.ones(len(boxes_k4), bool)
    for place in range(len(boxes_k4)):
        if is_kept[place]:
            is_kept[place + 1 :] &= ~is_rival[place, place + 1 :]
    return np.flatnonzero(is_kept)


def match_boxes(truth_nm5: NDArray[Any], candidates_nbk: NDArray[np.floating]) -> MatchedBoxes:
    """Kept boxes beside the truth: likely ones first, each takes the nearest true box of its label that is left."""
    kept, num_images = keep_boxes(candidates_nbk), len(truth_nm5)
    num_true = np.zeros((num_images, candidates_nbk.shape[2] - 5), np.int64)
    is_right, overlaps = np.zeros(len(kept.rows), bool), np.zeros(num_images)
    starts = np.searchsorted(kept.rows, np.arange(num_images + 1))
    for row, truth in enumerate(truth_nm5):
        truth = truth[(truth[:, 3:] > 0).all(axis=1)]
        labels = truth[:, 0].astype(np.int64)
        np.add.at(num_true[row], labels, 1)
        part = slice(starts[row], starts[row + 1])
        found = overlap(kept.boxes[part], truth[:, 1:]) * (kept.labels[part][:, None] == labels)
        overlaps[row] = found.max(axis=0, initial=0.0).sum()
        is_right[part] = _take_nearest(found)
    return MatchedBoxes(kept, is_right, num_true, overlaps)


def _take_nearest(overlaps_km: Floats) -> NDArray[np.bool_]:
    """Which boxes, in order, get a true one that overlaps enough and that none before them got."""
    left, is_right = overlaps_km.copy(), np.zeros(len(overlaps_km), bool)
    for place in range(len(left)):
        nearest = int(left[place].argmax()) if left.shape[1] else -1
        if nearest >= 0 and left[place, nearest] >= FOUND_OVERLAP:
            is_right[place] = True
            left[:, nearest] = 0
    return is_right


def box_metrics(
    truth_nm5: NDArray[Any], candidates_nbk: NDArray[np.floating], weights: NDArray[np.floating] | None = None
) -> dict[str, float]:
    """map_50 and box_iou of images weighted by `weights` (N,), else alike; none without a true box.

    map_50: the mean over labels of the average precision, where a box is right from an overlap of one half on
    (Everingham et al. 2010, "The Pascal Visual Object Classes (VOC) Challenge", with the area under the whole curve).
    box_iou: the mean over true boxes of the most that a kept box of their label overlaps them by.
    """
    weights, truth, candidates = keep_weighted(weights, truth_nm5, candidates_nbk)
    if not (len(truth) and (truth[..., 3:] > 0).all(axis=2).any()):
        return {}
    rows = np.ones(len(truth)) if weights is None else weights
    found = weigh_boxes(truth, candidates, rows[None], ("map_50", "box_iou"))
    return {name: float(values[0]) for name, values in found.items()}


def weigh_boxes(
    truth_nm5: NDArray[Any], candidates_nbk: NDArray[Any], weights_bn: Floats, metrics: Sequence[str]
) -> dict[str, Floats]:
    """These of `box_metrics` under B weightings (B, N), as in `metrics.weighted`."""
    matched = match_boxes(truth_nm5, candidates_nbk)
    num_true_bc = weights_bn @ matched.num_true.astype(np.float64)
    total_b = num_true_bc.sum(axis=1)
    found = {"box_iou": _divide(weights_bn @ matched.overlaps, total_b)}
    if "map_50" in metrics:
        areas = [_average_precision(matched, c, weights_bn, num_true_bc[:, c]) for c in range(num_true_bc.shape[1])]
        known = num_true_bc > 0
        found["map_50"] = _divide(np.where(known, np.stack(areas, axis=1), 0.0).sum(axis=1), known.sum(axis=1))
    return {name: found[name] for name in metrics}


def _average_precision(matched: MatchedBoxes, label: int, weights_bn: Floats, num_true_b: Floats) -> Floats:
    """The area (B,) under the best precision at each recall or beyond, over boxes of one label, likely ones first."""
    places = np.flatnonzero(matched.kept.labels == label)
    places = places[np.argsort(-matched.kept.probabilities[places], kind="stable")]
    weights_bk = weights_bn[:, matched.kept.rows[places]]
    right_bk = weights_bk * matched.is_right[places]
    precisions_bk = _divide(np.cumsum(right_bk, axis=1), np.cumsum(weights_bk, axis=1))
    best_bk = np.maximum.accumulate(np.nan_to_num(precisions_bk)[:, ::-1], axis=1)[:, ::-1]
    return _divide((right_bk * best_bk).sum(axis=1), num_true_b)


def _divide(values: NDArray[Any], by: NDArray[Any]) -> Floats:
    """NaN where the divisor is 0."""
    return np.asarray(np.divide(values, by, out=np.full(np.shape(values), np.nan), where=by > 0))
