"""A U-Net gives every pixel its logits, and says which images it can halve."""

from __future__ import annotations

import pytest

from dbx_dl.errors import ConfigError
from dbx_dl.frameworks.architectures import check_network, describe_network
from dbx_dl.frameworks.interface import NetworkRequest
from dbx_dl.frameworks.layers import MaxPool2D, UpSample2D, shape_after
from dbx_dl.frameworks.token_layers import SideBySide


def request(shape: tuple[int, int, int], grid: tuple[int, int] | None, num_levels: int = 2) -> NetworkRequest:
    num_outputs = shape[0] * shape[1] * 4
    return NetworkRequest("unet", {"filters": 4, "num_levels": num_levels}, shape, "uint8", num_outputs, 0, grid=grid)


@pytest.mark.parametrize("num_levels", [1, 2, 3])
def test_every_pixel_has_its_logits(num_levels: int) -> None:
    asked = request((16, 24, 3), (16, 24), num_levels)
    layers = tuple(layer for _, layer in describe_network(asked))
    assert shape_after(layers[:-1], asked.input_shape) == (16, 24, 4)
    assert shape_after(layers, asked.input_shape) == (asked.num_outputs,)
    assert sum(isinstance(layer, SideBySide) for layer in layers) == 1


def test_layers_of_a_u() -> None:
    assert UpSample2D(3).shape_after((2, 4, 5)) == (6, 12, 5)
    assert SideBySide(((), (MaxPool2D(), UpSample2D()))).shape_after((4, 6, 5)) == (4, 6, 10)


def test_what_it_cannot_segment_is_told() -> None:
    with pytest.raises(ConfigError, match="'unet' gives masks: prepare COCO images with `labels: polygons`"):
        check_network(request((16, 16, 1), None))
    with pytest.raises(ConfigError, match=r"halves images 3 times, which 16x20 pixels do not allow"):
        check_network(request((16, 20, 1), (16, 20), 3))
