"""In which numbers a network computes while it trains."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


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
