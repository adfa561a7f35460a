"""Brightness, contrast, sharpness and hashes of images, beside numpy's and scipy's of the same pixels."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from dbx_dl.contracts import ImageSpec
from dbx_dl.transforms.image_measures import hash_image, measure_image, measure_sharpness
from dbx_dl.transforms.images import measure_channels
from dbx_dl.transforms.undecodable import UndecodableError
from tests.image_bytes import encode_pixels

PIXELS = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)


def test_measures_are_those_of_the_pixels() -> None:
    data = encode_pixels(PIXELS)
    found = measure_image(data, ImageSpec(height=20, width=30, channels=3))
    means, deviations = measure_channels(Image.fromarray(PIXELS))
    assert found.brightness == pytest.approx(np.mean(means))
    assert found.contrast == pytest.approx(np.mean(deviations))
    assert (found.width, found.height, found.size_bytes, found.format) == (30, 20, len(data), "PNG")


def test_sharpness_is_the_variance_of_the_laplacian() -> None:
    grey = PIXELS[..., 0]
    expected = ndimage.laplace(grey.astype(np.float64))[1:-1, 1:-1].var()
    assert measure_sharpness(Image.fromarray(grey)) == pytest.approx(expected)
    blurred = ndimage.gaussian_filter(grey, 1.0)
    assert measure_sharpness(Image.fromarray(blurred)) < expected / 10
    assert measure_sharpness(Image.fromarray(grey[:2, :2])) == 0.0
    wide = np.zeros((40, 300), np.uint8)
    wide[10:30, 135:165] = grey
    expected = ndimage.laplace(wide.astype(np.float64))[1:-1, 87:213].var()
    assert measure_sharpness(Image.fromarray(wide)) == pytest.approx(expected)


def test_hashes_survive_light_and_size_and_tell_others_apart() -> None:
    slope = np.add.outer(np.arange(60), np.arange(80)[::-1]).astype(np.uint8)
    wave = (127 + 100 * np.sin(np.arange(80) / 5 + np.arange(60)[:, None] / 9)).astype(np.uint8)
    image = Image.fromarray(wave)
    brighter = Image.fromarray((wave * 0.9 + 10).astype(np.uint8)).resize((120, 90), Image.Resampling.BILINEAR)
    assert bin((hash_image(image) ^ hash_image(brighter)) & (2**64 - 1)).count("1") <= 2
    assert bin((hash_image(image) ^ hash_image(Image.fromarray(slope))) & (2**64 - 1)).count("1") > 10
    assert -(2**63) <= hash_image(Image.fromarray(PIXELS)) < 2**63


def test_what_is_no_image_is_said() -> None:
    with pytest.raises(UndecodableError):
        measure_image(b"nothing", ImageSpec(height=2, width=2, channels=1))
