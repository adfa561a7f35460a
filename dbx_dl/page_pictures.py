"""Pictures inside a page: figures for light and for dark pages, as data URIs."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dbx_dl.figures import encode_png

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Picture:
    """One figure as two data URIs, for light and for dark pages."""

    light: str
    dark: str
    caption: str


def draw_picture(caption: str, draw: Callable[[bool], Figure], *, dpi: int = 144) -> Picture:
    """Call `draw` with dark=False and dark=True and keep both as PNG."""
    light, dark = (to_data_uri(encode_png(draw(is_dark), dpi)) for is_dark in (False, True))
    return Picture(light=light, dark=dark, caption=caption)


def to_data_uri(png: bytes) -> str:
    """PNG bytes as a data URI."""
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")
