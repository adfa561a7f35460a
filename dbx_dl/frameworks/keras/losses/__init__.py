"""Each task's loss of one row, the same function as in PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from dbx_dl.frameworks.keras.losses.boxes import compare_boxes
from dbx_dl.frameworks.keras.losses.estimation import compare_normal, compare_overdispersed, compare_quantiles
from dbx_dl.frameworks.keras.losses.items import compare_items
from dbx_dl.frameworks.keras.losses.pixels import compare_masks
from dbx_dl.tasks.frames import NO_LABEL

if TYPE_CHECKING:
    from dbx_dl.frameworks.interface import ObjectiveRequest

Loss = Callable[[Any, Any], Any]


def create_loss(request: ObjectiveRequest) -> Loss:
    """What gives the losses (N,) of outputs float32 (N, num_outputs) and a batch's labels."""
    return LOSSES[request.task](request)


def _compare_classes(request: ObjectiveRequest) -> Loss:
    if request.loss is not None:
        return _compare_margins(MARGIN_LOSSES[request.loss])
    smoothing = request.label_smoothing

    def compare(logits_nc: Any, labels_n: Any) -> Any:
        if not smoothing:
            return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels_n, logits=logits_nc)
        num_classes = logits_nc.shape[1]
        targets = tf.one_hot(labels_n, num_classes) * (1 - smoothing) + smoothing / num_classes
        return tf.nn.softmax_cross_entropy_with_logits(labels=targets, logits=logits_nc)

    return compare


def _compare_margins(penalize: Callable[[Any], Any]) -> Loss:
    def compare(logits_nc: Any, labels_n: Any) -> Any:
        sides = 2 * tf.one_hot(labels_n, logits_nc.shape[1]) - 1
        return tf.reduce_mean(penalize(sides * logits_nc), axis=1)

    return compare


# Of (side * logit), where the side is 1 for the row's class and -1 for the others.
MARGIN_LOSSES: dict[str, Callable[[Any], Any]] = {
    "hinge": lambda margins: tf.nn.relu(1 - margins),
    "squared_hinge": lambda margins: tf.square(tf.nn.relu(1 - margins)),
    "perceptron": lambda margins: tf.nn.relu(-margins),
    "squared_error": lambda margins: tf.square(1 - margins),
}


def _compare_label_sets(request: ObjectiveRequest) -> Loss:
    smoothing = request.label_smoothing

    def compare(logits_nl: Any, labels_nl: Any) -> Any:
        targets = labels_nl * (1 - smoothing) + 0.5 * smoothing
        return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=targets, logits=logits_nl), axis=1)

    return compare


def _compare_frames(request: ObjectiveRequest) -> Loss:
    smoothing, num_frames = request.label_smoothing, request.num_frames

    def compare(logits: Any, labels_nt: Any) -> Any:
        logits_ntc = tf.reshape(logits, (tf.shape(logits)[0], num_frames, -1))
        truth_ntc = tf.one_hot(labels_nt, tf.shape(logits_ntc)[-1])  # zeros for steps without a label
        is_step_nt = tf.cast(labels_nt != NO_LABEL, tf.float32)
        num_classes = tf.cast(tf.shape(logits_ntc)[-1], tf.float32)
        truth_ntc = truth_ntc * (1 - smoothing) + is_step_nt[..., None] * smoothing / num_classes
        losses_nt = -tf.reduce_sum(truth_ntc * tf.nn.log_softmax(logits_ntc), axis=2)
        return tf.reduce_sum(losses_nt, axis=1) / tf.maximum(tf.reduce_sum(is_step_nt, axis=1), 1)

    return compare


def _compare_numbers(request: ObjectiveRequest) -> Loss:
    distance = {None: tf.square, "huber": _huber, "mae": tf.abs}[request.loss]
    center, scale = request.label_center, request.label_scale
    return lambda outputs_n1, labels_n: distance(outputs_n1[:, 0] - (labels_n - center) / scale)


def _huber(errors: Any) -> Any:
    sizes = tf.abs(errors)
    return tf.where(sizes < 1, 0.5 * tf.square(errors), sizes - 0.5)


def _compare_counts(request: ObjectiveRequest) -> Loss:
    del request
    return lambda outputs_n1, labels_n: tf.exp(outputs_n1[:, 0]) - labels_n * outputs_n1[:, 0]


def _compare_rows(request: ObjectiveRequest) -> Loss:
    compare = RECONSTRUCTION_LOSSES[request.are_pixels, request.loss]
    return lambda outputs_nd, _: tf.reduce_mean(compare(*tf.split(outputs_nd, 2, axis=1)), axis=1)


# Of a reconstruction's numbers (N, D) and the inputs (N, D): whether these are pixels / 255, and the loss' name.
RECONSTRUCTION_LOSSES: dict[tuple[bool, str | None], Callable[[Any, Any], Any]] = {
    (True, None): lambda logits, shares: tf.nn.sigmoid_cross_entropy_with_logits(labels=shares, logits=logits),
    (True, "squared_error"): lambda logits, shares: tf.square(tf.sigmoid(logits) - shares),
    (False, None): lambda outputs, features: tf.square(outputs - features),
    (False, "squared_error"): lambda outputs, features: tf.square(outputs - features),
}


# Softmax cross-entropy, or the mean over classes of a margin loss; sigmoid cross-entropy, averaged over labels; squared
# error, Huber's loss (delta 1) or absolute error of the scaled label; Poisson's negative log likelihood without the
# term that depends on the label alone; of a reconstruction the mean over a row of RECONSTRUCTION_LOSSES; of boxes see
# `frameworks.box_weights`, of masks softmax cross-entropy, averaged over pixels, of items see `losses.items`.
LOSSES: dict[str, Callable[[ObjectiveRequest], Loss]] = {
    "binary": _compare_classes,
    "multiclass": _compare_classes,
    "multilabel": _compare_label_sets,
    "frames": _compare_frames,
    "regression": _compare_numbers,
    "count": _compare_counts,
    "reconstruction": _compare_rows,
    "quantiles": compare_quantiles,
    "gaussian": compare_normal,
    "negative_binomial": compare_overdispersed,
    "boxes": compare_boxes,
    "segmentation": compare_masks,
    "recommendation": compare_items,
}
