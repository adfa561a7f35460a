"""What a built-in network is: its options, the inputs it takes, and its layers as a function of both."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from pydantic import ValidationError

from dbx_dl.config import Section
from dbx_dl.contracts import TaskName
from dbx_dl.errors import ConfigError
from dbx_dl.frameworks.layers import Activation, Dense, Layer, Recurrent
from dbx_dl.frameworks.networks import nearest
from dbx_dl.frameworks.random_layers import Mark
from dbx_dl.frameworks.token_layers import TokenLogits

if TYPE_CHECKING:
    from dbx_dl.frameworks.interface import Clustering, NetworkRequest, Penalty, Pretraining

InputKind = Literal["images", "table", "text", "text_and_columns", "histories", "audio", "steps"]
Options = TypeVar("Options", bound=Section)

# What a few numbers of a row answer: classes, sets of labels, and numbers with what is not known of them.
CLASSES: tuple[TaskName, ...] = ("binary", "multiclass")
NUMBERS: tuple[TaskName, ...] = ("regression", "count", "quantiles", "gaussian", "negative_binomial")
ANSWERS: tuple[TaskName, ...] = (*CLASSES, "multilabel", *NUMBERS)

_KINDS: dict[tuple[int, str], InputKind] = {
    (3, "uint8"): "images",
    (1, "float32"): "table",
    (1, "int32"): "text",
    (1, "int16"): "audio",
    (2, "float32"): "steps",
}
_NAMES: dict[InputKind, str] = {
    "images": "images",
    "table": "table rows",
    "text": "texts",
    "text_and_columns": "texts beside other columns",
    "histories": "histories of items",
    "audio": "recordings",
    "steps": "numbers by step",
}
_HINTS: dict[InputKind | None, str] = {
    "text": "'text_cnn' takes them",
    "text_and_columns": "'text_and_columns' takes them",
    "histories": "'two_tower' takes them",
    "audio": "'audio_cnn' takes them",
    "steps": "'lstm' takes them",
}
LOGITS = "logits"


@dataclass(frozen=True)
class Architecture:
    """A network by name.

    `options` says in its docstring what the network is; `inputs` are the kinds it takes: uint8 pixels (H, W, C),
    float32 features (K,), int32 ids of tokens (T,), float32 ids and features (T + K,), int32 ids of a user and a
    history (U + T,), int16 samples of a recording (S,) or float32 numbers by step (T, K + 1). `describe` gives its
    layers without the last one, which gives the logits (N, num_outputs); ConfigError when they do not fit the inputs.
    `tasks` are what it can learn, see `targets.list_learned`. `loss` is the one it learns by unless a run names
    another, `penalize` gives what is added to that, `pretrain` what comes before it, `oppose` an adversary, for images
    of so many entries and a seed, `cluster` how centres among such rows are learned. `code` is the layer whose values
    are its embedding. With `is_counted` the weights are counted from the table's rows instead of trained.
    """

    options: type[Section]
    inputs: tuple[InputKind, ...]
    describe: Callable[[NetworkRequest, Any], tuple[Layer, ...]]
    tasks: tuple[TaskName, ...] = ANSWERS
    loss: str | None = None
    has_logits_layer: bool = True
    penalize: Callable[[Any], Penalty] | None = None
    pretrain: Callable[[Any], Pretraining] | None = None
    oppose: Callable[[Any, int, int], NetworkRequest] | None = None
    cluster: Callable[[Any, int, int], Clustering] | None = None
    code: str | None = None
    is_counted: bool = False

    @property
    def gives_inputs(self) -> bool:
        """Whether logits are one for each entry of a row (N, D), and outputs (N, 2 D) these and the inputs themselves.

        Inputs are pixels / 255 or features.
        """
        return "reconstruction" in self.tasks

    @property
    def labels_steps(self) -> bool:
        """Whether it can also give logits for every token of a text, or every step of numbers."""
        return "frames" in self.tasks

    @property
    def writes(self) -> bool:
        """Whether it gives ids and probabilities of a sequence's tokens."""
        return "sequence" in self.tasks

    @property
    def summary(self) -> str:
        """What it is, in a line."""
        return (self.options.__doc__ or "").strip().partition("\n")[0]


def describe_layers(architecture: Architecture, request: NetworkRequest) -> tuple[tuple[str, Layer], ...]:
    """The layers by name, logits last; ConfigError for a wrong option, or inputs that the network does not take."""
    options = read_options(request, architecture.options)
    _check_inputs(architecture, request)
    _check_writes(architecture, request)
    layers = architecture.describe(request, options)
    if request.num_frames:
        return _label_steps(architecture, request, layers)
    named = name_layers(layers)
    num_logits = count_entries(request) if architecture.gives_inputs else request.num_outputs
    return (*named, (LOGITS, Dense(num_logits))) if architecture.has_logits_layer else named


def _label_steps(
    architecture: Architecture, request: NetworkRequest, layers: tuple[Layer, ...]
) -> tuple[tuple[str, Layer], ...]:
    """Layers whose last one gives the logits of every step, and these in a row."""
    if not architecture.labels_steps:
        raise ConfigError(
            f"network {request.network!r} gives one answer for a row, not one for each token or step: use 'rnn', "
            "'lstm', 'gru' or 'transformer'"
        )
    logits = Dense(request.num_outputs // request.num_frames)
    return (*name_layers(layers), (LOGITS, logits), ("token_logits", TokenLogits()))


def count_entries(request: NetworkRequest) -> int:
    """Numbers of a row; ConfigError unless the network is to give twice as many."""
    size = prod(request.input_shape)
    if request.num_outputs != 2 * size:
        raise ConfigError(
            f"network {request.network!r} gives its {size} inputs again, not {request.num_outputs} outputs: use "
            "train.task reconstruction"
        )
    return size


def name_layers(layers: tuple[Layer, ...]) -> tuple[tuple[str, Layer], ...]:
    """Names such as `conv2d_2` or `relu_1`: what a layer is, numbered; the same in every framework."""
    counts: dict[str, int] = {}
    named: list[tuple[str, Layer]] = []
    for layer in layers:
        if isinstance(layer, Mark):
            named.append((layer.name, layer))
            continue
        kind = _name_kind(layer)
        counts[kind] = counts.get(kind, 0) + 1
        named.append((f"{kind}_{counts[kind]}", layer))
    return tuple(named)


def read_options(request: NetworkRequest, kind: type[Options]) -> Options:
    """The request's options as a `kind`; ConfigError names a wrong option or value and the valid ones."""
    try:
        return kind.model_validate(request.options)
    except ValidationError as error:
        problem = error.errors()[0]
        if not problem["loc"]:
            raise ConfigError(f"network {request.network!r}: {problem['msg'].removeprefix('Value error, ')}") from None
        name = str(problem["loc"][0])
        origin = f"network {request.network!r}: option {name!r}"
        if problem["type"] == "extra_forbidden":
            raise ConfigError(f"{origin} is unknown; {nearest(name, kind.model_fields, what='options')}") from None
        raise ConfigError(f"{origin}: {problem['msg']} (got {problem['input']!r})") from None


def input_kind(request: NetworkRequest) -> InputKind | None:
    """Which kind of rows the request is for; None for none of those that built-in networks take."""
    if request.catalog is not None:
        return "histories"
    return "text_and_columns" if request.num_text_steps else _KINDS.get((len(request.input_shape), request.input_dtype))


def require_image_size(request: NetworkRequest, least: int) -> None:
    """ConfigError for images with a side below `least` pixels."""
    if min(request.input_shape[:2]) < least:
        size = "x".join(str(side) for side in request.input_shape[:2])
        raise ConfigError(f"network {request.network!r} needs images of at least {least}x{least} pixels, got {size}")


def _check_writes(architecture: Architecture, request: NetworkRequest) -> None:
    if architecture.writes and not request.num_words:
        raise ConfigError(f"network {request.network!r} writes texts: it goes with the task sequence")
    if request.num_words and not architecture.writes:
        raise ConfigError(
            f"network {request.network!r} writes no texts, as the task sequence asks: use 'encoder_decoder' for texts, "
            "'image_captioner' for images"
        )


def _name_kind(layer: Layer) -> str:
    if isinstance(layer, Activation):
        return layer.name
    if isinstance(layer, Recurrent):
        return layer.cell
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(layer).__name__).lower()


def _check_inputs(architecture: Architecture, request: NetworkRequest) -> None:
    if input_kind(request) in architecture.inputs:
        return
    takes = " or ".join(_NAMES[kind] for kind in architecture.inputs)
    given = input_kind(request)
    kind = _NAMES[given] if given else {3: "images", 1: "table rows"}.get(len(request.input_shape), "inputs")
    found = f"{kind} of shape {request.input_shape} and type {request.input_dtype}"
    hint = _HINTS.get(given, "'mlp' takes both")
    raise ConfigError(f"network {request.network!r} takes {takes}, not {found}: {hint}")
