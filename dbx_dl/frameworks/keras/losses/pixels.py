"""The loss of masks: softmax cross-entropy of every pixel, averaged over the image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tensorflow as tf

if TYPE_CHECKING:
    from collections.abc import Callable

    from dbx_dl.frameworks.interface import ObjectiveRequest


def compare_masks(request: ObjectiveRequest) -> Callable[[Any, Any], Any]:
    """Losses (N,) of logits (N, H x W x (1 + C)) and masks uint8 (N, H, W); the same function as in PyTorch."""
    rows, columns = request.grid or (1, 1)

    def compare(outputs_nk: Any, labels_nhw: Any) -> Any:
        num_pixels = rows * columns
        labels = tf.cast(tf.reshape(labels_nhw, (-1, num_pixels)), tf.int32)
        logits = tf.reshape(outputs_nk, (-1, num_pixels, outputs_nk.shape[1] // num_pixels))
        return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits), axis=1)

    return compare
