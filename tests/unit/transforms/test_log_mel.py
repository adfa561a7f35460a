"""Log-mel features against SciPy's short-time Fourier transform and tones whose power is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from dbx_dl.contracts import AudioSpec, ImageSpec
from dbx_dl.transforms.log_mel import MelPlan, list_bands, list_waves, measure_mels
from dbx_dl.transforms.pictures import draw_file
from tests.image_bytes import encode_pixels, gradient
from tests.recordings import encode_sound, make_tone

PLAN = MelPlan(16000, 400, 160, 40, 40.0, 8000.0)


def measure_with_scipy(samples: np.ndarray, plan: MelPlan) -> np.ndarray:
    """The same features of samples (S,) by another way, in float64."""
    frequencies, _, spectrum_ft = signal.stft(
        samples / 32768,
        plan.sample_rate,
        nperseg=plan.window,
        noverlap=plan.window - plan.hop,
        nfft=plan.num_bins,
        boundary=None,
        padded=False,
    )
    mels = 2595 * np.log10(1 + np.array([plan.lowest_hz, plan.highest_hz]) / 700)
    edges = 700 * (10 ** (np.linspace(*mels, plan.num_mels + 2) / 2595) - 1)
    bands = [np.interp(frequencies, edges[m : m + 3], [0, 1, 0]) for m in range(plan.num_mels)]
    power_tm = (2 * np.abs(spectrum_ft.T)) ** 2 @ np.stack(bands, axis=1)
    return np.asarray((np.log10(power_tm + 1e-6) + 3) / 3)


@pytest.mark.parametrize("plan", [PLAN, MelPlan(8000, 256, 100, 24, 60.0, 3500.0)])
def test_features_are_scipys(plan: MelPlan) -> None:
    random, times = np.random.default_rng(0), np.arange(plan.sample_rate) / plan.sample_rate
    chirp = 32000 * signal.chirp(times, 50, 1, plan.sample_rate / 2)
    noise = random.normal(0, 3000, plan.sample_rate) * times
    for sound in (chirp, noise, np.zeros(plan.sample_rate)):
        samples = sound.astype(np.int16)
        found = measure_mels(samples, plan)
        assert found.dtype == np.float32 and found.shape == (plan.count_frames(len(samples)), plan.num_mels)
        np.testing.assert_allclose(found, measure_with_scipy(samples, plan), atol=1e-5)


def test_a_full_scale_tone_has_the_power_1() -> None:
    frequency = PLAN.list_frequencies()[60]
    squares = (make_tone(frequency, 16000, 0.025, 1.0).astype(np.float32) @ list_waves(PLAN)) ** 2
    power = squares.reshape(2, -1).sum(axis=0)
    assert power.argmax() == 60 and power[60] == pytest.approx(1, abs=1e-4)
    assert list_bands(PLAN).max() <= 1 and (list_bands(PLAN).sum(axis=0) > 0).all()


def test_pictures_show_when_and_how_high_a_sound_is() -> None:
    sound = np.concatenate([np.zeros(8000), make_tone(1000, 16000, 0.5), make_tone(5000, 16000, 0.5)])
    pixels = draw_file(encode_sound(sound, 16000), AudioSpec(sample_rate=16000, num_samples=24000))
    height, width = pixels.shape[:2]
    assert pixels.dtype == np.uint8 and pixels.shape[2] == 1
    silence, low, high = (pixels[:, int(width * at), 0].astype(int) for at in (1 / 6, 1 / 2, 5 / 6))
    assert silence.max() < 30 and min(low.max(), high.max()) > 150
    assert low.argmax() > height / 2 > high.argmax()
    image = draw_file(encode_pixels(gradient(6, 5)), ImageSpec(height=6, width=5, channels=1))
    np.testing.assert_array_equal(image[..., 0], gradient(6, 5))
