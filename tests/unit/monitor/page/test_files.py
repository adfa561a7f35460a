"""Files of a window that are least like those of training come first, with what is odd about them."""

from __future__ import annotations

import numpy as np
import pytest

from dbx_dl.monitor.page.files import NUM_SHOWN, compare_files
from dbx_dl.transforms.image_measures import measure_image, measure_pixels
from dbx_dl.transforms.pictures import draw_file
from tests.prepared_tables import IMAGES, encode_png


def draw(brightness: int, seed: int) -> bytes:
    noise = np.random.default_rng(seed).integers(0, 20, (6, 5))
    return encode_png(np.clip(noise + brightness, 0, 255).astype(np.uint8))


def test_files_are_compared_by_what_drift_measures() -> None:
    content = draw(100, 3)
    found = measure_image(content, IMAGES)
    assert measure_pixels(draw_file(content, IMAGES)) == pytest.approx(
        (found.brightness, found.contrast, found.sharpness)
    )
    assert found.sharpness > 0 and measure_pixels(np.zeros((1, 1, 1), np.uint8)) == (0.0, 0.0, 0.0)


def test_the_least_like_training_come_first() -> None:
    baseline = {f"t{seed}": draw(100, seed) for seed in range(30)}
    sample = {f"w{seed}": draw(100, 100 + seed) for seed in range(20)} | {"bright": draw(200, 1), "dark": draw(20, 2)}
    shown = compare_files("v2", sample, baseline, IMAGES)
    assert [file.key for file in shown.unlike[:2]] == ["bright", "dark"] and len(shown.unlike) == NUM_SHOWN
    assert shown.unlike[0].remark.startswith("brightness +") and shown.unlike[1].remark.startswith("brightness -")
    assert {file.key for file in shown.typical} <= set(baseline) and shown.typical[0].remark == ""
    assert all(file.picture.startswith("data:image/png;base64,") for file in (*shown.unlike, *shown.typical))
