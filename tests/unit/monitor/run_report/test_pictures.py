"""Pictures in a page are the pixels that they stand for."""

import base64
import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from dbx_dl.contracts import ImageSpec
from dbx_dl.figures import learning_curves
from dbx_dl.monitor.run_report.pictures import show_file
from dbx_dl.page_pictures import draw_picture

PREFIX = "data:image/png;base64,"


def _pixels(uri: str) -> NDArray[np.uint8]:
    assert uri.startswith(PREFIX)
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.removeprefix(PREFIX)))))


@pytest.mark.parametrize(("channels", "shape"), [(1, (4, 6)), (3, (4, 6, 3))])
def test_an_image_is_shown_as_the_network_sees_it(channels: int, shape: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="BMP")
    uri = show_file(buffer.getvalue(), ImageSpec(height=4, width=6, channels=channels))
    assert np.array_equal(_pixels(uri), pixels)


def test_a_figure_is_drawn_once_for_light_and_once_for_dark() -> None:
    asked: list[bool] = []
    picture = draw_picture("what it is", lambda dark: asked.append(dark) or learning_curves([], dark=dark))
    assert asked == [False, True]
    assert picture.caption == "what it is"
    assert _pixels(picture.light).shape == _pixels(picture.dark).shape
