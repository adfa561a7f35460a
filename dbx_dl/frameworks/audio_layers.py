"""Layers of recordings, as values: sound becomes features inside the network, by numbers that are never trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dbx_dl.frameworks.layers import WithoutWeights
from dbx_dl.transforms.log_mel import LOG_CENTER, LOG_SCALE, POWER_FLOOR, MelPlan, list_bands, list_waves

if TYPE_CHECKING:
    from dbx_dl.frameworks.layers import Shape


@dataclass(frozen=True)
class LogMel(WithoutWeights):
    """int16 samples (S,) to float32 log-mel features (T, num_mels, 1), an image of time and frequency.

    Frames are a convolution's products with cosines and sines under a window, their squares the power, which another
    matrix adds up in mel bands: what `transforms.log_mel.measure_mels` computes. Always in float32.
    """

    plan: MelPlan

    def shape_after(self, shape: Shape) -> Shape:
        """Frames, bands, and one channel."""
        return (self.plan.count_frames(shape[0]), self.plan.num_mels, 1)

    @property
    def waves(self) -> np.ndarray:
        """What frames are multiplied with, float32 (window, 2 F)."""
        return list_waves(self.plan)

    @property
    def bands(self) -> np.ndarray:
        """What squares of both halves count in each band, float32 (2 F, num_mels)."""
        return np.concatenate([list_bands(self.plan)] * 2)


# (log10(power + POWER_FLOOR) - LOG_CENTER) / LOG_SCALE is LOG_FACTOR ln(power + POWER_FLOOR) + LOG_OFFSET.
LOG_FACTOR = float(1 / (np.log(10) * LOG_SCALE))
LOG_OFFSET = -LOG_CENTER / LOG_SCALE
__all__ = ["LOG_FACTOR", "LOG_OFFSET", "POWER_FLOOR", "LogMel"]
