"""Batch normalisation over the rows of all ranks (Keras' own `synchronized` knows tf.distribute only)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from dbx_dl.frameworks.keras.distribute import sum_over_ranks

if TYPE_CHECKING:
    from dbx_dl.frameworks.interface import Ranks


def synchronize_batch_norm(network: Any, ranks: Ranks) -> None:
    """Let every batch-norm of the network normalise with mean and variance of the global batch.

    Layers stay in place and keep their weights and names. With one rank nothing changes.
    """
    if ranks.size == 1:
        return
    found = [layer for layer in network._flatten_layers() if isinstance(layer, keras.layers.BatchNormalization)]
    for number, layer in enumerate(found):
        layer._moments = _make_moments(layer, ranks.size, f"dbx_dl_batch_norm_{number}")


def _make_moments(layer: Any, num_ranks: int, label: str) -> Callable[[Any, Any], tuple[Any, Any]]:
    def moments(inputs: Any, mask: Any) -> tuple[Any, Any]:
        """Mean and variance (C,) over all ranks; a row that the mask leaves out does not count."""
        axes = layer._reduction_axes
        counted = (
            tf.ones_like(inputs) if mask is None else tf.cast(mask[..., None], inputs.dtype) * tf.ones_like(inputs)
        )
        sums = [tf.reduce_sum(inputs * counted, axes), tf.reduce_sum(counted, axes)]
        total, count = sum_over_ranks(sums, num_ranks, f"{label}_mean")
        mean = tf.math.divide_no_nan(total, count)
        shape = [1 if axis in axes else -1 for axis in range(len(inputs.shape))]
        squares = tf.reduce_sum(tf.square(inputs - tf.reshape(mean, shape)) * counted, axes)
        (squares,) = sum_over_ranks([squares], num_ranks, f"{label}_variance")
        return mean, tf.math.divide_no_nan(squares, count)

    return moments
