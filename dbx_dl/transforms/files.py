"""The bytes of a file become a network's input: images by `images`, recordings by `audio`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbx_dl.contracts import ImageSpec
from dbx_dl.transforms.audio import decode_audio
from dbx_dl.transforms.images import decode_image

if TYPE_CHECKING:
    import numpy as np

    from dbx_dl.contracts import FileSpec


def decode_file(data: bytes, spec: FileSpec, out: np.ndarray | None = None) -> np.ndarray:
    """The input of shape `spec.row_shape` and type `spec.row_dtype`; UndecodableError if the bytes are unusable.

    It is written to `out` if given, which stays as it was with unusable bytes.
    """
    if isinstance(spec, ImageSpec):
        return decode_image(data, spec, out)
    return decode_audio(data, spec, out)
