"""Log-mel features of sound: the fixed numbers that they are computed with, and the computation in NumPy."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# What is added to the power before its logarithm, full scale being 1: -60 dB.
POWER_FLOOR = 1e-6
# (log10(power) + 3) / 3 is -1 for silence, and 0 at -30 dB.
LOG_CENTER, LOG_SCALE = -3.0, 3.0
SAMPLE_SCALE = 1 / 32768


@dataclass(frozen=True)
class MelPlan:
    """How sound is cut into frames, and frames into mel bands.

    Frames of `window` samples begin `hop` samples apart. `num_mels` bands lie evenly on the mel scale between
    `lowest_hz` and `highest_hz`.
    """

    sample_rate: int
    window: int
    hop: int
    num_mels: int
    lowest_hz: float
    highest_hz: float

    @property
    def num_bins(self) -> int:
        """Points of the discrete Fourier transform of a frame, which is padded to the next power of two."""
        return 1 << max(0, self.window - 1).bit_length()

    def count_frames(self, num_samples: int) -> int:
        """Whole frames of so many samples."""
        return (num_samples - self.window) // self.hop + 1

    def list_frequencies(self) -> NDArray[np.float64]:
        """Hz of the Fourier frequencies that lie inside some band, (F,)."""
        import numpy as np

        step = self.sample_rate / self.num_bins
        first, last = int(self.lowest_hz // step) + 1, int(-(-self.highest_hz // step)) - 1
        return np.arange(first, last + 1, dtype=np.float64) * step

    def list_edges(self) -> NDArray[np.float64]:
        """Hz where bands begin, are highest and end, (num_mels + 2,): m = 2595 log10(1 + f / 700) is spaced evenly.

        O'Shaughnessy, "Speech Communication", 1987, as in the HTK book.
        """
        import numpy as np

        mels = 2595 * np.log10(1 + np.array([self.lowest_hz, self.highest_hz]) / 700)
        return np.asarray(700 * (10 ** (np.linspace(mels[0], mels[1], self.num_mels + 2) / 2595) - 1))


@lru_cache(maxsize=16)
def list_waves(plan: MelPlan) -> NDArray[np.float32]:
    """Cosines, then sines, of every frequency under a Hann window, float32 (window, 2 F).

    A frame's products with them are the real and imaginary parts of its windowed Fourier transform. They are scaled so
    that squares add up to 1 for a full-scale tone of one of the frequencies.
    """
    import numpy as np

    times = np.arange(plan.window)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * times / plan.window)
    angles = 2 * np.pi * np.outer(times, plan.list_frequencies()) / plan.sample_rate
    waves = np.concatenate([np.cos(angles), np.sin(angles)], axis=1)
    return np.asarray(2 * hann[:, None] / hann.sum() * waves, np.float32)


@lru_cache(maxsize=16)
def list_bands(plan: MelPlan) -> NDArray[np.float32]:
    """What every frequency's power counts in every band, float32 (F, num_mels): triangles of height 1.

    A band without any frequency is all zeros.
    """
    import numpy as np

    edges, frequencies = plan.list_edges(), plan.list_frequencies()[:, None]
    rising = (frequencies - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - frequencies) / (edges[2:] - edges[1:-1])
    return np.asarray(np.maximum(0, np.minimum(rising, falling)), np.float32)


def measure_mels(samples: NDArray[np.int16], plan: MelPlan) -> NDArray[np.float32]:
    """Log-mel features float32 (T, num_mels) of samples (S,): what the layer `LogMel` of networks gives.

    The power in each band of each frame p becomes (log10(p + POWER_FLOOR) - LOG_CENTER) / LOG_SCALE.
    """
    import numpy as np

    starts = np.arange(plan.count_frames(len(samples))) * plan.hop
    frames_tw = samples[starts[:, None] + np.arange(plan.window)].astype(np.float32) * np.float32(SAMPLE_SCALE)
    squares = (frames_tw @ list_waves(plan)) ** 2
    power = squares @ np.concatenate([list_bands(plan)] * 2)
    return np.asarray((np.log10(power + POWER_FLOOR) - LOG_CENTER) / LOG_SCALE, np.float32)
