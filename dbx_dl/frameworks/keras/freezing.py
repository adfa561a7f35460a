"""Freeze layers of a Keras network by name, and let them train again later."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from dbx_dl.frameworks.freezing import FrozenStage, choose_frozen, plan_stages, require_trainable

if TYPE_CHECKING:
    from dbx_dl.config import UnfreezeConfig


def freeze_network(
    network: Any, patterns: Sequence[str], stages: Sequence[UnfreezeConfig] = ()
) -> tuple[FrozenStage, ...]:
    """Freeze the layers whose name matches a pattern, inner ones named `outer/inner`; call before an optimizer is made.

    Frozen batch-norm normalises with its moving statistics and leaves them as they are, until a stage unfreezes it.
    Returns the stages for `create_objective`. ConfigError for a pattern that matches no layer with weights, or when
    nothing is left to train; for stages see `freezing.plan_stages`.
    """
    layers = dict(_name_layers(network, ""))
    trained_layers = {id(layer) for layer in network._flatten_layers() if layer.trainable}
    before = {id(variable) for variable in network.trainable_variables}
    for name in choose_frozen(layers, patterns):
        layers[name].trainable = False
    require_trainable(len(network.trainable_variables), patterns)
    left = before - {id(variable) for variable in network.trainable_variables}
    frozen = {name: [weight for weight in layer.weights if id(weight) in left] for name, layer in layers.items()}
    planned = plan_stages({name: weights for name, weights in frozen.items() if weights}, stages)
    return tuple(
        FrozenStage(stage, weights, partial(_unfreeze, weights, _inside([layers[n] for n in names], trained_layers)))
        for stage, names, weights in planned
    )


def _inside(layers: list[Any], chosen: set[int]) -> list[Any]:
    return [inner for layer in layers for inner in layer._flatten_layers() if id(inner) in chosen]


def _unfreeze(weights: Sequence[Any], layers: Sequence[Any]) -> None:
    for weight in weights:
        weight.trainable = True
    for layer in layers:
        # The public setter would go on to all layers inside, those that were never trained too.
        layer._trainable = True


def _name_layers(network: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    for layer in getattr(network, "layers", []):
        if layer.weights:
            yield prefix + layer.name, layer
            yield from _name_layers(layer, f"{prefix}{layer.name}/")
