"""Losses of one row for quantiles and distributions, the same functions as in PyTorch."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from dbx_dl.tasks.several_numbers import LEAST_SPREAD

if TYPE_CHECKING:
    from collections.abc import Callable

    from dbx_dl.frameworks.interface import ObjectiveRequest


def compare_quantiles(request: ObjectiveRequest) -> Callable[[Any, Any], Any]:
    """The pinball loss of the scaled label, averaged over levels."""
    levels, center, scale = tf.constant(request.quantiles, tf.float32), request.label_center, request.label_scale

    def compare(outputs_np: Any, labels_n: Any) -> Any:
        steps = tf.concat([outputs_np[:, :1], tf.nn.softplus(outputs_np[:, 1:])], axis=1)
        errors_np = ((labels_n - center) / scale)[:, None] - tf.cumsum(steps, axis=1)
        return tf.reduce_mean(tf.maximum(levels * errors_np, (levels - 1) * errors_np), axis=1)

    return compare


def compare_normal(request: ObjectiveRequest) -> Callable[[Any, Any], Any]:
    """The negative log likelihood of the scaled label."""
    center, scale = request.label_center, request.label_scale

    def compare(outputs_n2: Any, labels_n: Any) -> Any:
        deviation = tf.nn.softplus(outputs_n2[:, 1]) + LEAST_SPREAD
        z = ((labels_n - center) / scale - outputs_n2[:, 0]) / deviation
        return tf.math.log(deviation) + 0.5 * tf.square(z) + 0.5 * math.log(2 * math.pi)

    return compare


def compare_overdispersed(request: ObjectiveRequest) -> Callable[[Any, Any], Any]:
    """The negative log likelihood of a count."""
    del request

    def compare(outputs_n2: Any, labels_n: Any) -> Any:
        dispersion = tf.nn.softplus(outputs_n2[:, 1]) + LEAST_SPREAD
        size, log_odds = 1 / dispersion, outputs_n2[:, 0] + tf.math.log(dispersion)
        terms = tf.math.lgamma(size) + tf.math.lgamma(labels_n + 1) - tf.math.lgamma(labels_n + size)
        return terms + (size + labels_n) * tf.nn.softplus(log_odds) - labels_n * log_odds

    return compare
