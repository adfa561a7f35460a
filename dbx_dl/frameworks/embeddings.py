"""An inner layer of a network by its name, for a further output with its values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from dbx_dl.errors import ConfigError
from dbx_dl.frameworks.networks import nearest

Layer = TypeVar("Layer")


def find_layer(name: str, layers: Mapping[str, Layer]) -> Layer:
    """The layer called `name`; ConfigError with the nearest name and all there are."""
    if name not in layers:
        raise ConfigError(f"export.embeddings: the network has no layer {name!r}; {nearest(name, layers, 'layers')}")
    return layers[name]


def refuse_layer(name: str, reason: str) -> ConfigError:
    """The error for a layer that is there and gives no embeddings."""
    return ConfigError(f"export.embeddings: layer {name!r} {reason}")
