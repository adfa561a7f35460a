"""Networks that read steps one after the other: of an image, a table row, a text, a recording, or numbers by step."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from pydantic import Field

from dbx_dl.config import Section
from dbx_dl.contracts import TaskName
from dbx_dl.errors import ConfigError
from dbx_dl.frameworks.architectures.architecture import ANSWERS, Architecture, InputKind, input_kind
from dbx_dl.frameworks.architectures.audio import plan_fitting_mels
from dbx_dl.frameworks.audio_layers import LogMel
from dbx_dl.frameworks.history_layers import Columns
from dbx_dl.frameworks.layers import (
    Activation,
    Cell,
    Dense,
    Dropout,
    GlobalAverage,
    Layer,
    LayerNorm,
    PositionEmbedding,
    Recurrent,
    Reshape,
    Residual,
    ScalePixels,
    SelfAttention,
    shape_after,
)
from dbx_dl.frameworks.token_layers import Embedding, LastToken, ReverseTokens, SideBySide, StepValues, TokenPositions

if TYPE_CHECKING:
    from dbx_dl.frameworks.interface import NetworkRequest


_OWN_STEPS: dict[InputKind | None, str] = {
    "images": "an image's steps are its rows",
    "audio": "a recording's steps are its frames",
    "text": "a text's steps are its tokens",
    "histories": "a history's steps are its items",
    "steps": "numbers by step have their own steps",
}


class RecurrentOptions(Section):
    """Recurrent layers whose last state gives the logits.

    `num_layers` layers of `units`, with `is_bidirectional` once forwards and once backwards, and dropout behind them.
    Steps are the rows of an image (pixels / 255), the features of a table row in `num_steps` equal stretches, the
    log-mel frames of a recording (as of `audio_cnn`, with fewer bands at low rates), numbers by step, or the tokens of
    a text, or items of a history, as trained vectors of `embedding_width`.
    """

    units: int = Field(default=64, gt=0)
    num_layers: int = Field(default=1, gt=0)
    is_bidirectional: bool = False
    dropout: float = Field(default=0.0, ge=0, lt=1)
    num_steps: int | None = Field(default=None, gt=0)
    embedding_width: int = Field(default=64, gt=0)


class RnnOptions(RecurrentOptions):
    """Simple recurrent layers (Elman 1990) whose last state gives the logits."""


class LstmOptions(RecurrentOptions):
    """Long short-term memory (Hochreiter and Schmidhuber 1997) whose last state gives the logits."""


class GruOptions(RecurrentOptions):
    """Gated recurrent units (Cho et al. 2014) whose last state gives the logits."""


class TransformerOptions(Section):
    """A transformer encoder (Vaswani et al. 2017), layer norm before each part, with the mean over steps at its end.

    Steps are projected to `width` numbers (tokens of a text: looked up) and get a trained vector for their position;
    then `num_layers` times self-attention of `num_heads` and two dense layers (4 `width`, relu), each added to what
    went in.
    """

    width: int = Field(default=64, gt=0)
    num_heads: int = Field(default=4, gt=0)
    num_layers: int = Field(default=2, gt=0)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    num_steps: int | None = Field(default=None, gt=0)


def describe_recurrent(request: NetworkRequest, options: RecurrentOptions, *, cell: Cell) -> tuple[Layer, ...]:
    """All steps go on to the next layer, the last state to the logits."""
    if input_kind(request) in (*TOKENS, "steps"):
        return _describe_token_recurrence(request, options, cell)
    layers = read_steps(request, options.num_steps)
    for number in range(options.num_layers):
        is_last = number == options.num_layers - 1
        layers += (
            Recurrent(cell, options.units, options.is_bidirectional, returns_steps=not is_last),
            Dropout(options.dropout),
        )
    return layers


def _describe_token_recurrence(request: NetworkRequest, options: RecurrentOptions, cell: Cell) -> tuple[Layer, ...]:
    """Backwards is forwards over the reversed tokens, so that padding comes last both ways.

    The last token's state goes on to the logits, or where every token has a label all states.
    """
    steps = Recurrent(cell, options.units, returns_steps=True)
    layers = read_tokens(request, options.num_steps, options.embedding_width)
    if request.catalog is not None:
        # The newest item, which tells most, comes last.
        layers += (ReverseTokens(),)
    for number in range(options.num_layers):
        is_last = number == options.num_layers - 1 and not request.num_frames
        forwards = (steps, LastToken()) if is_last else (steps,)
        backwards = (ReverseTokens(), steps, LastToken() if is_last else ReverseTokens())
        both = (SideBySide((forwards, backwards)),)
        layers += (*(both if options.is_bidirectional else forwards), Dropout(options.dropout))
    return layers


def describe_transformer(request: NetworkRequest, options: TransformerOptions) -> tuple[Layer, ...]:
    """The encoder's layers."""
    if options.width % options.num_heads:
        raise ConfigError(
            f"network {request.network!r}: width {options.width} must be a multiple of num_heads {options.num_heads}"
        )
    dropout = Dropout(options.dropout)
    attend = Residual((LayerNorm(), SelfAttention(options.num_heads), dropout))
    widen = Residual(
        (LayerNorm(), Dense(4 * options.width), Activation("relu"), Dense(options.width), dropout),
    )
    start: tuple[Layer, ...]
    kind = input_kind(request)
    if kind in (*TOKENS, "steps"):
        tokens = read_tokens(request, options.num_steps, options.width)
        project = (Dense(options.width),) if kind == "steps" else ()
        start = (*tokens, *project, TokenPositions(shape_after(tokens, request.input_shape)[0]))
    else:
        start = (*read_steps(request, options.num_steps), Dense(options.width), PositionEmbedding())
    return (
        *start,
        *(attend, widen) * options.num_layers,
        LayerNorm(),
        *(() if request.num_frames else (GlobalAverage(),)),
    )


def read_steps(request: NetworkRequest, num_steps: int | None) -> tuple[Layer, ...]:
    """Layers that turn a row into float32 (T, K); ConfigError when the options do not say how."""
    kind = input_kind(request)
    if kind in _OWN_STEPS and num_steps is not None:
        raise ConfigError(f"network {request.network!r}: {_OWN_STEPS[kind]}; leave num_steps out")
    if kind == "images":
        height, width, channels = request.input_shape
        return (ScalePixels(), Reshape((height, width * channels)))
    if kind == "audio":
        features = LogMel(plan_fitting_mels(request))
        return (features, Reshape(features.shape_after(request.input_shape)[:2]))
    (num_features,) = request.input_shape
    if num_steps is None:
        raise ConfigError(f"network {request.network!r} needs the option num_steps for table rows")
    if num_features % num_steps:
        raise ConfigError(
            f"network {request.network!r}: {num_features} encoded features are not {num_steps} equal steps"
        )
    return (Reshape((num_steps, num_features // num_steps)),)


def read_tokens(request: NetworkRequest, num_steps: int | None, width: int) -> tuple[Layer, ...]:
    """Layers that turn the ids of a text's tokens, or of a history's items, into vectors (T, width).

    Numbers by step stay as they are (T, K). ConfigError for a wrong option.
    """
    kind = input_kind(request)
    if num_steps is not None:
        raise ConfigError(f"network {request.network!r}: {_OWN_STEPS[kind]}; leave num_steps out")
    if kind == "steps":
        return (StepValues(),)
    embedding = Embedding(request.num_tokens, width)
    return (embedding,) if request.catalog is None else (Columns(request.catalog.num_user_columns), embedding)


TOKENS: tuple[InputKind, ...] = ("text", "histories")
SEQUENCES: tuple[InputKind, ...] = ("images", "table", *TOKENS, "audio", "steps")
LEARNED: tuple[TaskName, ...] = (*ANSWERS, "frames", "recommendation")
SEQUENCE_NETWORKS = {
    "rnn": Architecture(RnnOptions, SEQUENCES, partial(describe_recurrent, cell="rnn"), LEARNED),
    "lstm": Architecture(LstmOptions, SEQUENCES, partial(describe_recurrent, cell="lstm"), LEARNED),
    "gru": Architecture(GruOptions, SEQUENCES, partial(describe_recurrent, cell="gru"), LEARNED),
    "transformer": Architecture(TransformerOptions, SEQUENCES, describe_transformer, LEARNED),
}
