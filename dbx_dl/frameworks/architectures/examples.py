"""What each built-in network could be asked for, so that their list can name outputs and count parameters."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import Any

from dbx_dl.frameworks.architectures.architecture import Architecture, InputKind, describe_layers
from dbx_dl.frameworks.interface import Catalog, NetworkRequest
from dbx_dl.frameworks.layers import count_parameters

_CLASSES = 10
_CATALOG = Catalog(1, 1_001, True, (tuple(range(1, 1_001)),), (1_001,))
_ROWS: dict[InputKind, tuple[str, NetworkRequest]] = {
    "images": ("28x28x1 pixels", NetworkRequest("", {}, (28, 28, 1), "uint8", _CLASSES, 0)),
    "table": ("32 features", NetworkRequest("", {}, (32,), "float32", _CLASSES, 0)),
    "text": ("32 of 5,000 tokens", NetworkRequest("", {}, (32,), "int32", _CLASSES, 0, 5_000)),
    "text_and_columns": (
        "32 of 5,000 tokens, 8 features",
        NetworkRequest("", {}, (40,), "float32", _CLASSES, 0, 5_000, num_text_steps=32),
    ),
    "histories": (
        "20 of 1,000 items, 1,000 users",
        NetworkRequest("", {}, (21,), "int32", 1_000, 0, 1_001, catalog=_CATALOG),
    ),
    "audio": ("1 s at 16 kHz", NetworkRequest("", {}, (16_000,), "int16", _CLASSES, 0, sample_rate=16_000)),
    "steps": ("24 steps of 3 numbers", NetworkRequest("", {}, (24, 4), "float32", _CLASSES, 0)),
}
_WORDS: dict[str, Any] = {"num_outputs": 24, "num_words": 1_000}
# What a network gives where that is not the logits of classes, and the request that asks for it.
_OTHERS: dict[str, tuple[str, dict[str, Any]]] = {
    "detector": ("7x7 cells: object, place, size, class", {"grid": (7, 7), "num_outputs": 7 * 7 * (5 + _CLASSES)}),
    "unet": ("the logits of each pixel", {"grid": (28, 28), "num_outputs": 28 * 28 * (1 + _CLASSES)}),
    "encoder_decoder": ("12 of 1,000 words", _WORDS),
    "image_captioner": ("12 of 1,000 words", _WORDS),
    "go_policy": ("the logits of 361 points", {"input_shape": (19 * 19 * 48,), "num_outputs": 361}),
    "gan": ("an image of 784 pixels", {"input_shape": (32,), "num_outputs": 784}),
    "markov_chain": ("10 next states", {}),
}
_ROW_NAMES = {"go_policy": "19x19x48 planes", "gan": "32 random numbers", "markov_chain": "32 states"}


@dataclass(frozen=True)
class Example:
    """Rows of a usual size in words, what a network gives for each, and the parameters that it trains then."""

    rows: str
    gives: str
    num_parameters: int


def make_example(name: str, architecture: Architecture) -> Example:
    """A built-in network with its default options on the first kind of rows that it takes."""
    rows, request = _ROWS[architecture.inputs[0]]
    gives, asked = _OTHERS.get(name) or _ask(architecture, request)
    rows = _ROW_NAMES.get(name, rows)
    request = replace(request, network=name, **asked)
    layers = tuple(layer for _, layer in describe_layers(architecture, request))
    return Example(rows, gives, count_parameters(layers, request.input_shape))


def _ask(architecture: Architecture, request: NetworkRequest) -> tuple[str, dict[str, Any]]:
    """What is given by the kind of the network, and what of the request says so."""
    if architecture.gives_inputs:
        return "its inputs again, and a code", {"num_outputs": 2 * prod(request.input_shape)}
    if architecture.cluster is not None:
        return "10 clusters: density and distance", {"num_outputs": 2 * _CLASSES}
    if request.catalog is not None:
        return "the scores of 1,000 items", {}
    return f"the logits of {_CLASSES} classes", {}
