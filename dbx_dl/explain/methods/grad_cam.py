"""Grad-CAM: where a convolution sees what speaks for a score.

Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization", 2017.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def weigh_activations(activations_nhwc: NDArray[Any], gradients_nhwc: NDArray[Any]) -> NDArray[np.float64]:
    """Heat maps (N, H, W) of a layer's values and the score's gradients by them.

    The sum of the channels, each weighted by the mean of its gradient, where that is positive.
    """
    weights = gradients_nhwc.astype(np.float64).mean(axis=(1, 2), keepdims=True)
    return np.asarray(np.maximum((weights * activations_nhwc).sum(axis=-1), 0.0))


def enlarge_maps(heat_nhw: NDArray[np.float64], height: int, width: int) -> NDArray[np.float64]:
    """The maps at the size of the images, bilinear."""
    from PIL import Image

    bilinear = Image.Resampling.BILINEAR
    maps = [np.asarray(Image.fromarray(heat.astype(np.float32)).resize((width, height), bilinear)) for heat in heat_nhw]
    return np.stack(maps).astype(np.float64) if maps else np.empty((0, height, width))
