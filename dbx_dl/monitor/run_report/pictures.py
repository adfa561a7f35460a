"""Pictures inside a page: figures for light and dark, and decoded files, as data URIs."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dbx_dl.figures import encode_png
from dbx_dl.transforms.pictures import draw_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from dbx_dl.contracts import FileSpec


@dataclass(frozen=True)
class Picture:
    """One figure as two data URIs, for light and for dark pages."""

    light: str
    dark: str
    caption: str


def draw_picture(caption: str, draw: Callable[[bool], Figure]) -> Picture:
    """Call `draw` with dark=False and dark=True and keep both as PNG."""
    light, dark = (to_data_uri(encode_png(draw(is_dark))) for is_dark in (False, True))
    return Picture(light=light, dark=dark, caption=caption)


def show_file(content: bytes, spec: FileSpec) -> str:
    """The image as the network sees it, or a recording's spectrogram, as a PNG data URI."""
    from PIL import Image

    pixels_hwc = draw_file(content, spec)
    buffer = io.BytesIO()
    Image.fromarray(pixels_hwc[..., 0] if pixels_hwc.shape[2] == 1 else pixels_hwc).save(buffer, format="PNG")
    return to_data_uri(buffer.getvalue())


def to_data_uri(png: bytes) -> str:
    """PNG bytes as a data URI."""
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")
