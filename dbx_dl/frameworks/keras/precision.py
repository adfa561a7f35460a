"""In which numbers a network computes while it trains."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import tensorflow as tf


@contextmanager
def compute_in(network: Any, precision: str) -> Iterator[None]:
    """A context in which the network computes in `precision` while its weights stay float32; predictions do without.

    Layers take what they compute in from their policy when they are called, so it is enough to set it while a step is
    traced.
    """
    if precision == "float32":
        yield
        return
    layers = network._flatten_layers()
    policies = [layer.dtype_policy for layer in layers]
    try:
        for layer in layers:
            layer.dtype_policy = precision
        yield
    finally:
        for layer, policy in zip(layers, policies, strict=True):
            layer.dtype_policy = policy


@contextmanager
def compute_exactly() -> Iterator[None]:
    """A context in which a GPU multiplies float32 as such, not with 10 bits of mantissa (TF32), as it may in training.

    Predictions that exported files are held against need it; on a CPU nothing changes.
    """
    is_enabled = tf.config.experimental.tensor_float_32_execution_enabled()
    tf.config.experimental.enable_tensor_float_32_execution(False)
    try:
        yield
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(is_enabled)
