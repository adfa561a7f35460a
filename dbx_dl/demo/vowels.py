"""Spoken vowels for the demo: recordings whose first two formants, and thereby what is said, are known."""

from __future__ import annotations

import io
import wave
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Hz of the first two formants of men's vowels: Peterson and Barney, "Control methods used in a study of the vowels",
# Journal of the Acoustical Society of America 24, 1952.
FORMANTS = {"ee": (270.0, 2290.0), "ah": (730.0, 1090.0), "oo": (300.0, 870.0), "er": (490.0, 1350.0)}
# What is said, as the vowels at its beginning and its end. A glide and the reverse of it have the same mean spectrum.
SOUNDS = {
    **{name: (name, name) for name in FORMANTS},
    "ai": ("ah", "ee"),
    "ya": ("ee", "ah"),
    "ow": ("ah", "oo"),
    "wa": ("oo", "ah"),
}
NUM_PER_SOUND = 40
SECONDS = 0.6
RATES = (8000, 16000)
_BANDWIDTH_HZ = 90.0
# Samples after which it is asked anew how loud a harmonic is.
_STEP = 32


def write_vowels(num_per_sound: int = NUM_PER_SOUND, seed: int = 0) -> dict[str, bytes]:
    """WAV files by their path `<sound>/<number>.wav`, of one or two channels and different rates.

    Voices differ in pitch, size, loudness and pace, begin at different times, and there is noise. Who knows the
    formants tells all sounds apart; what happens first cannot be told by the mean spectrum.
    """
    import numpy as np

    random = np.random.default_rng(seed)
    files = {}
    for name, ends in SOUNDS.items():
        for number in range(num_per_sound):
            rate = RATES[number % len(RATES)]
            sound = speak(ends, rate, random)
            files[f"{name}/{number:03d}.wav"] = encode_wave(np.stack([sound] * (1 + number % 3 // 2), axis=1), rate)
    return files


def speak(ends: tuple[str, str], rate: int, random: np.random.Generator) -> NDArray[np.float64]:
    """A voice's harmonics (S,), each as loud as the formants let it through at that time."""
    import numpy as np

    num_samples, size = round(SECONDS * rate), random.uniform(0.9, 1.15)
    length = round(random.uniform(0.3, 0.45) * rate)
    start = int(random.integers(0, num_samples - length))
    progress = np.clip(np.linspace(-0.4, 1.4, length), 0, 1)[:, None]
    pitch = random.uniform(100, 220) * np.linspace(1.05, 0.9, length)
    numbers = np.arange(1, int(3500 / pitch.max()) + 1)
    first, last = (size * np.array(FORMANTS[end]) for end in ends)
    formants_s2 = first + (last - first) * progress
    apart_s2h = pitch[::_STEP, None, None] * numbers - formants_s2[::_STEP, :, None]
    gains_sh = (1 / (1 + (apart_s2h / _BANDWIDTH_HZ) ** 2)).sum(axis=1) / numbers**0.5
    gains_sh = gains_sh.repeat(_STEP, axis=0)[:length]
    phases = 2 * np.pi * np.cumsum(pitch)[:, None] / rate * numbers
    voice = (gains_sh * np.sin(phases)).sum(axis=1) * np.hanning(length) ** 0.3
    sound = random.normal(0, 0.01, num_samples)
    sound[start : start + length] += voice / np.abs(voice).max() * random.uniform(0.1, 0.8)
    return sound


def encode_wave(frames_sc: NDArray[np.float64], rate: int) -> bytes:
    """A WAV file of 16-bit samples; 1 is full scale."""
    import numpy as np

    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(frames_sc.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.clip(np.rint(frames_sc * 32767), -32768, 32767).astype("<i2").tobytes())
    return buffer.getvalue()
