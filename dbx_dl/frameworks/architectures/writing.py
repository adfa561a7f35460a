"""Networks that write a text: of a text, a recording or an image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from dbx_dl.config import Section
from dbx_dl.contracts import TaskName
from dbx_dl.frameworks.architectures.architecture import Architecture, input_kind, require_image_size
from dbx_dl.frameworks.architectures.sequences import read_steps
from dbx_dl.frameworks.decoder_layers import AttentionDecoder
from dbx_dl.frameworks.layers import (
    Activation,
    Conv2D,
    Dropout,
    Layer,
    MaxPool2D,
    PositionEmbedding,
    Recurrent,
    Reshape,
    ScalePixels,
    shape_after,
)
from dbx_dl.frameworks.token_layers import Embedding, ReverseTokens, SideBySide

if TYPE_CHECKING:
    from dbx_dl.frameworks.interface import NetworkRequest


class WritingOptions(Section):
    """What networks that write have in common."""

    units: int = Field(default=64, gt=0)
    embedding_width: int = Field(default=64, gt=0)
    dropout: float = Field(default=0.0, ge=0, lt=1)


class EncoderDecoderOptions(WritingOptions):
    """Writes a text of a text or a recording: an encoder both ways, attention and a decoder (Bahdanau et al. 2015).

    arXiv:1409.0473. Tokens as trained vectors of `embedding_width` (of a recording log-mel frames), gated recurrent
    units in both directions, `units` each way, and dropout; the decoder has vectors, attention and a state of the same
    widths.
    """


class ImageCaptionerOptions(WritingOptions):
    """Writes a text of an image: convolutions, attention to places and a decoder (Xu et al. 2015, arXiv:1502.03044).

    Pixels / 255; twice a 3x3 convolution, relu and 2x2 max pooling, with `filters` and then twice as many; a trained
    number is added to every place and channel, so that places can be told apart; dropout; the decoder.
    """

    filters: int = Field(default=32, gt=0)


def describe_encoder_decoder(request: NetworkRequest, options: EncoderDecoderOptions) -> tuple[Layer, ...]:
    """All layers; the decoder is the last one."""
    steps = Recurrent("gru", options.units, returns_steps=True)
    both = SideBySide(((steps,), (ReverseTokens(), steps, ReverseTokens())))
    embedding: tuple[Layer, ...] = (Embedding(request.num_tokens, options.embedding_width),)
    read = read_steps(request, None) if input_kind(request) == "audio" else embedding
    return (*read, both, Dropout(options.dropout), _describe_decoder(request, options))


def describe_image_captioner(request: NetworkRequest, options: ImageCaptionerOptions) -> tuple[Layer, ...]:
    """All layers; the decoder is the last one."""
    require_image_size(request, 4)
    layers: tuple[Layer, ...] = (ScalePixels(),)
    for filters in (options.filters, 2 * options.filters):
        layers += (Conv2D(filters, 3, padding=1), Activation("relu"), MaxPool2D())
    height, width, channels = shape_after(layers, request.input_shape)
    places = (Reshape((height * width, channels)), PositionEmbedding(), Dropout(options.dropout))
    return (*layers, *places, _describe_decoder(request, options))


def _describe_decoder(request: NetworkRequest, options: WritingOptions) -> AttentionDecoder:
    return AttentionDecoder(request.num_words, request.num_outputs // 2, options.embedding_width, options.units)


WRITTEN: tuple[TaskName, ...] = ("sequence",)
WRITING_NETWORKS = {
    "encoder_decoder": Architecture(
        EncoderDecoderOptions, ("text", "audio"), describe_encoder_decoder, WRITTEN, has_logits_layer=False
    ),
    "image_captioner": Architecture(
        ImageCaptionerOptions, ("images",), describe_image_captioner, WRITTEN, has_logits_layer=False
    ),
}
