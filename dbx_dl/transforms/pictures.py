"""Files as people look at them: images as a model gets them, recordings as a picture of time and frequency."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbx_dl.contracts import ImageSpec
from dbx_dl.transforms.audio import decode_audio
from dbx_dl.transforms.images import decode_image
from dbx_dl.transforms.log_mel import MelPlan, measure_mels

if TYPE_CHECKING:
    import numpy as np

    from dbx_dl.contracts import AudioSpec, FileSpec

_WIDTH, _HEIGHT = 128, 64
_WINDOW_SECONDS = 0.025
_LOWEST_HZ = 40.0
# Log-mel features that are black and white: silence, and a tone at a third of full scale.
_BLACK, _WHITE = -1.0, 0.7


def draw_file(data: bytes, spec: FileSpec) -> np.ndarray:
    """Pixels uint8 (H, W, C) of an image, or of a recording's log-mel spectrogram; UndecodableError if unusable."""
    return decode_image(data, spec) if isinstance(spec, ImageSpec) else draw_spectrogram(data, spec)


def draw_spectrogram(data: bytes, spec: AudioSpec) -> np.ndarray:
    """Grey pixels uint8 (H, W, 1) of a recording: time from left to right, low frequencies at the bottom."""
    import numpy as np

    rate, num_samples = spec.sample_rate, spec.num_samples
    window = min(num_samples, max(1, round(_WINDOW_SECONDS * rate)))
    plan = MelPlan(rate, window, max(1, (num_samples - window) // _WIDTH), _HEIGHT, min(_LOWEST_HZ, rate / 4), rate / 2)
    shades_tm = (measure_mels(decode_audio(data, spec), plan) - _BLACK) / (_WHITE - _BLACK)
    pixels: np.ndarray = np.rint(np.clip(shades_tm, 0, 1) * 255).astype(np.uint8)
    return np.ascontiguousarray(pixels.T[::-1, :, None])
