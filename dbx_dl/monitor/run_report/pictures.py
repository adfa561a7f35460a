"""Files as a network sees them, as pictures inside a page."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from dbx_dl.page_pictures import to_data_uri
from dbx_dl.transforms.pictures import draw_file

if TYPE_CHECKING:
    from dbx_dl.contracts import FileSpec


def show_file(content: bytes, spec: FileSpec) -> str:
    """The image as the network sees it, or a recording's spectrogram, as a PNG data URI."""
    from PIL import Image

    pixels_hwc = draw_file(content, spec)
    buffer = io.BytesIO()
    Image.fromarray(pixels_hwc[..., 0] if pixels_hwc.shape[2] == 1 else pixels_hwc).save(buffer, format="PNG")
    return to_data_uri(buffer.getvalue())
