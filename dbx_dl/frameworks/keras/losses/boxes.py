"""The loss of boxes: each cell says whether there is an object, the one with its middle where and what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tensorflow as tf

from dbx_dl.frameworks.box_weights import EMPTY_WEIGHT, PLACE_WEIGHT

if TYPE_CHECKING:
    from collections.abc import Callable

    from dbx_dl.frameworks.interface import ObjectiveRequest


def compare_boxes(request: ObjectiveRequest) -> Callable[[Any, Any], Any]:
    """See `frameworks.box_weights`; the same function as in PyTorch."""
    rows, columns = request.grid or (1, 1)

    def compare(outputs_nk: Any, labels_nm5: Any) -> Any:
        cells = tf.reshape(outputs_nk, (-1, rows * columns, outputs_nk.shape[1] // (rows * columns)))
        is_box = tf.cast(tf.reduce_all(labels_nm5[..., 3:] > 0, axis=2), tf.float32)
        places = (labels_nm5[..., 1:3] + labels_nm5[..., 3:] / 2) * tf.constant([columns, rows], tf.float32)
        corners = tf.minimum(tf.floor(places), tf.constant([columns - 1, rows - 1], tf.float32))
        numbers = tf.cast(corners[..., 1] * columns + corners[..., 0], tf.int32)
        mine = tf.gather(cells, numbers, batch_dims=1)
        middles = tf.reduce_sum(tf.square(tf.sigmoid(mine[..., 1:3]) - (places - corners)), axis=2)
        sizes = tf.reduce_sum(tf.square(tf.sqrt(tf.sigmoid(mine[..., 3:5])) - tf.sqrt(labels_nm5[..., 3:])), axis=2)
        kinds = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.cast(labels_nm5[..., 0], tf.int32), mine[..., 5:])
        found = tf.reduce_sum((PLACE_WEIGHT * (middles + sizes) + kinds) * is_box, axis=1)
        is_full = tf.reduce_max(tf.one_hot(numbers, rows * columns) * is_box[..., None], axis=1)
        weights = is_full + EMPTY_WEIGHT * (1 - is_full)
        there = tf.nn.sigmoid_cross_entropy_with_logits(labels=is_full, logits=cells[..., 0])
        return found + tf.reduce_sum(there * weights, axis=1)

    return compare
