"""Which label each pixel has against the true one.

Masks (N, H, W) hold 0 for background and the labels' numbers from 1 on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dbx_dl.metrics.weighting import keep_weighted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def choose_labels(predictions: NDArray[Any]) -> NDArray[np.uint8]:
    """Masks of probabilities (N, H, W, 1 + C), of each pixel the likeliest; masks stay what they are."""
    chosen = predictions.argmax(axis=3) if predictions.ndim == 4 else predictions
    return np.asarray(chosen).astype(np.uint8)


def mask_metrics(
    truth: NDArray[Any], predictions: NDArray[Any], weights: NDArray[np.floating] | None = None
) -> dict[str, float]:
    """mean_iou and pixel_accuracy of images weighted by `weights` (N,), else alike; none without images.

    `predictions` are masks or probabilities (N, H, W, 1 + C). mean_iou: the mean, over background and labels that some
    pixel has or is taken for, of the pixels that are both, divided by those that are one of them (Everingham et al.
    2015, "The Pascal Visual Object Classes Challenge: A Retrospective"). pixel_accuracy: the share of right pixels.
    """
    weights, truth, predictions = keep_weighted(weights, truth, predictions)
    if len(truth) == 0:
        return {}
    rows = np.ones(len(truth)) if weights is None else weights
    found = weigh_masks(truth, predictions, rows[None], ("mean_iou", "pixel_accuracy"))
    return {name: float(values[0]) for name, values in found.items()}


def weigh_masks(
    truth: NDArray[Any], predictions: NDArray[Any], weights_bn: Floats, metrics: Sequence[str]
) -> dict[str, Floats]:
    """These of `mask_metrics` under B weightings (B, N), as in `metrics.weighted`."""
    both_nk, either_nk = _count_pixels(truth, choose_labels(predictions))
    both_bk, either_bk = weights_bn @ both_nk, weights_bn @ either_nk
    known = either_bk > 0
    shares = np.divide(both_bk, either_bk, out=np.zeros_like(both_bk), where=known)
    num_pixels = weights_bn.sum(axis=1) * np.prod(truth.shape[1:])
    found = {"mean_iou": shares.sum(axis=1) / known.sum(axis=1), "pixel_accuracy": both_bk.sum(axis=1) / num_pixels}
    return {name: found[name] for name in metrics}


def _count_pixels(truth: NDArray[Any], chosen: NDArray[np.uint8]) -> tuple[Floats, Floats]:
    """Pixels (N, K) of each image that are of a label and taken for it, and that are one of both."""
    num_labels = 1 + int(max(truth.max(initial=0), chosen.max(initial=0)))
    both, either = (np.zeros((len(truth), num_labels)) for _ in range(2))
    # Image by image: counting takes many times the memory of what is counted.
    for row, (true, found) in enumerate(zip(truth, chosen, strict=True)):
        numbers = true.astype(np.int64)
        both[row] = np.bincount(numbers[true == found], minlength=num_labels)
        all_of_both = np.bincount(numbers.ravel(), minlength=num_labels) + np.bincount(
            found.ravel(), minlength=num_labels
        )
        either[row] = all_of_both - both[row]
    return both, either
