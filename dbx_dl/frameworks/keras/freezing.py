"""Freeze layers of a Keras network by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from dbx_dl.frameworks.freezing import choose_frozen, require_trainable


def freeze_network(network: Any, patterns: Sequence[str]) -> None:
    """Freeze the layers whose name matches a pattern, inner ones named `outer/inner`; call before an optimizer is made.

    Frozen batch-norm normalises with its moving statistics and leaves them as they are. ConfigError for a pattern that
    matches no layer with weights, or when nothing is left to train.
    """
    layers = dict(_name_layers(network, ""))
    for name in choose_frozen(layers, patterns):
        layers[name].trainable = False
    require_trainable(len(network.trainable_variables), patterns)


def _name_layers(network: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    for layer in getattr(network, "layers", []):
        if layer.weights:
            yield prefix + layer.name, layer
            yield from _name_layers(layer, f"{prefix}{layer.name}/")
