"""Networks for texts alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import Field, model_validator

from dbx_dl.config import Section
from dbx_dl.frameworks.architectures.architecture import Architecture
from dbx_dl.frameworks.layers import Dropout, Layer
from dbx_dl.frameworks.token_layers import Conv1D, Embedding, MaxOverTokens, SideBySide

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
    branches = tuple((Conv1D(options.filters, size), MaxOverTokens()) for size in options.sizes)
    return (Embedding(request.num_tokens, options.embedding_width), SideBySide(branches), Dropout(options.dropout))


TEXT_NETWORKS = {"text_cnn": Architecture(TextCnnOptions, ("text",), describe_text_cnn)}
