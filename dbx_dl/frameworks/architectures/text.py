"""Networks for texts, alone or beside other columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import Field, model_validator

from dbx_dl.config import Section
from dbx_dl.frameworks.architectures.architecture import Architecture
from dbx_dl.frameworks.layers import Activation, Dense, Dropout, Layer
from dbx_dl.frameworks.token_layers import Conv1D, Embedding, MaxOverTokens, SideBySide, TextBesideColumns

if TYPE_CHECKING:
    from dbx_dl.frameworks.interface import NetworkRequest


class TextCnnOptions(Section):
    """A convolutional network for sentences (Kim 2014, arXiv:1408.5882).

    Tokens as trained vectors of `embedding_width`, convolutions over as many tokens as `widths` says, `filters` of
    each, relu and the largest value over the text, dropout, logits.
    """

    embedding_width: int = Field(default=64, gt=0)
    filters: int = Field(default=64, gt=0)
    widths: str = "3,4,5"
    dropout: float = Field(default=0.5, ge=0, lt=1)

    @model_validator(mode="after")
    def _is_sound(self) -> Self:
        parts = self.widths.split(",")
        if not all(part.strip().isdecimal() and int(part) for part in parts):
            raise ValueError(f"option 'widths' must be numbers of tokens such as \"3,4,5\", got {self.widths!r}")
        return self

    @property
    def sizes(self) -> tuple[int, ...]:
        """The widths as numbers."""
        return tuple(int(part) for part in self.widths.split(","))


def describe_text_cnn(request: NetworkRequest, options: TextCnnOptions) -> tuple[Layer, ...]:
    """The layers before the logits."""
    return (*_convolve_text(request, options), Dropout(options.dropout))


def _convolve_text(request: NetworkRequest, options: TextCnnOptions) -> tuple[Layer, ...]:
    """Ids (T,) to the largest values of all filters."""
    branches = tuple((Conv1D(options.filters, size), MaxOverTokens()) for size in options.sizes)
    return (Embedding(request.num_tokens, options.embedding_width), SideBySide(branches))


class TextAndColumnsOptions(TextCnnOptions):
    """A tower for the text and one for the other columns, and a dense layer over both.

    The text's is that of `text_cnn`, the columns' a dense layer of `hidden_units` with relu. Behind both come such a
    layer once more, so that what a word means may depend on a column, dropout and the logits.
    """

    hidden_units: int = Field(default=64, gt=0)


def describe_text_and_columns(request: NetworkRequest, options: TextAndColumnsOptions) -> tuple[Layer, ...]:
    """The layers before the logits."""
    dense = (Dense(options.hidden_units), Activation("relu"))
    towers = TextBesideColumns(request.num_text_steps, _convolve_text(request, options), dense)
    return (towers, *dense, Dropout(options.dropout))


TEXT_NETWORKS = {
    "text_cnn": Architecture(TextCnnOptions, ("text",), describe_text_cnn),
    "text_and_columns": Architecture(TextAndColumnsOptions, ("text_and_columns",), describe_text_and_columns),
}
