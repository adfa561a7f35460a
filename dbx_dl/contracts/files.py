"""What the bytes of images and recordings become, which are decoded outside of a graph."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dbx_dl.contracts.contract import Contract


class ImageSpec(Contract):
    """What encoded image bytes become: uint8 pixels of shape (height, width, channels).

    `resize` says how an image of another size gets there: `fill` stretches it, `crop` covers the size and cuts what
    hangs over on both sides, `pad` fits it inside and fills the rest with black.
    """

    kind: Literal["images"] = "images"
    column: str = "content"
    height: int = Field(gt=0)
    width: int = Field(gt=0)
    channels: Literal[1, 3]
    resize: Literal["fill", "crop", "pad"] = "fill"
    min_side: int = Field(default=1, gt=0)
    max_pixels: int = Field(default=50_000_000, gt=0)

    @property
    def columns(self) -> tuple[str, ...]:
        """The raw column's name."""
        return (self.column,)

    @property
    def row_shape(self) -> tuple[int, ...]:
        """Shape of one row's input to a network."""
        return (self.height, self.width, self.channels)

    @property
    def row_dtype(self) -> str:
        """Element type of it."""
        return "uint8"


class AudioSpec(Contract):
    """What the bytes of a recording become: int16 samples of shape (num_samples,), one channel.

    Channels are averaged, other sample rates are resampled to `sample_rate`. Of a longer recording the beginning
    counts, a shorter one ends in silence (zeros).
    """

    kind: Literal["audio"] = "audio"
    column: str = "content"
    sample_rate: int = Field(gt=0)
    num_samples: int = Field(gt=0)

    @property
    def columns(self) -> tuple[str, ...]:
        """The raw column's name."""
        return (self.column,)

    @property
    def row_shape(self) -> tuple[int, ...]:
        """Shape of one row's input to a network."""
        return (self.num_samples,)

    @property
    def row_dtype(self) -> str:
        """Element type of it."""
        return "int16"


FileSpec = ImageSpec | AudioSpec
