"""Heat maps as PNG images: alone in colours, and over the image that they explain."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Colours (red, green, blue) at heats from -1 to 1: what speaks against is blue, what speaks for is red.
_STOPS = (-1.0, -0.5, 0.0, 0.5, 1.0)
_SHADES = ((33, 80, 160), (116, 160, 214), (246, 246, 246), (236, 128, 98), (178, 24, 43))
_LEAST_SIDE = 128
# How much of a pixel's colour the hottest place takes.
_MOST_COVER = 0.75


def draw_heat(heat_hw: NDArray[np.floating]) -> bytes:
    """A heat map as PNG: red speaks for, blue against, white does not matter; the strongest is the full colour."""
    return encode_pixels(_enlarge(colour_heat(scale_heat(heat_hw))))


def draw_overlay(heat_hw: NDArray[np.floating], pixels_hwc: NDArray[np.uint8]) -> bytes:
    """The image (H, W, C) in grey with the heat over it, the more of it the stronger, as PNG."""
    import numpy as np

    scaled = scale_heat(heat_hw)
    grey = pixels_hwc.mean(axis=2, keepdims=True).repeat(3, axis=2)
    cover = _MOST_COVER * np.sqrt(np.abs(scaled))[..., None]
    return encode_pixels(_enlarge(np.rint(grey * (1 - cover) + colour_heat(scaled) * cover).astype(np.uint8)))


def scale_heat(heat_hw: NDArray[np.floating]) -> NDArray[np.float64]:
    """Heats from -1 to 1 by the strongest one; zeros where nothing is hot."""
    import numpy as np

    strongest = float(np.abs(heat_hw).max(initial=0))
    return np.asarray(heat_hw / strongest if strongest > 0 else np.zeros(heat_hw.shape), np.float64)


def colour_heat(scaled_hw: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Colours uint8 (H, W, 3) of heats from -1 to 1."""
    import numpy as np

    shades = np.array(_SHADES, np.float64)
    channels = [np.interp(scaled_hw, _STOPS, shades[:, channel]) for channel in range(3)]
    return np.rint(np.stack(channels, axis=-1)).astype(np.uint8)


def encode_pixels(pixels_hwc: NDArray[np.uint8]) -> bytes:
    """Pixels (H, W, 3) or (H, W, 1) as PNG."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels_hwc[..., 0] if pixels_hwc.shape[2] == 1 else pixels_hwc).save(buffer, format="PNG")
    return buffer.getvalue()


def _enlarge(pixels_hwc: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Every pixel several times, so that a small image can be looked at."""
    factor = max(1, -(-_LEAST_SIDE // max(pixels_hwc.shape[:2])))
    enlarged: NDArray[np.uint8] = pixels_hwc.repeat(factor, axis=0).repeat(factor, axis=1)
    return enlarged
