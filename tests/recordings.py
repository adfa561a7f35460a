"""Recordings as files: tones with known samples, in the ways in which WAV and FLAC files hold them."""

from __future__ import annotations

import io

import numpy as np
import soundfile


def encode_sound(sound: np.ndarray, rate: int = 8000, container: str = "WAV", encoding: str | None = None) -> bytes:
    """Sound (S,) or (S, channels), 1 being full scale, as a file of libsndfile's names of container and encoding."""
    buffer = io.BytesIO()
    soundfile.write(buffer, sound, rate, format=container, subtype=encoding)
    return buffer.getvalue()


def make_tone(hertz: float, rate: int = 8000, seconds: float = 0.5, peak: float = 0.5) -> np.ndarray:
    """A sine (S,)."""
    return peak * np.sin(2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate)
