"""A detector has a place for each cell, and says what cells it can have."""

from __future__ import annotations

import pytest

from dbx_dl.errors import ConfigError
from dbx_dl.frameworks.architectures import check_network, describe_network
from dbx_dl.frameworks.interface import NetworkRequest
from dbx_dl.frameworks.layers import MaxPool2D, shape_after


def request(shape: tuple[int, int, int], grid: tuple[int, int] | None, num_labels: int = 3) -> NetworkRequest:
    num_outputs = (grid[0] * grid[1] if grid else 1) * (5 + num_labels)
    return NetworkRequest("detector", {"filters": 4}, shape, "uint8", num_outputs, 0, grid=grid)


@pytest.mark.parametrize(("cell", "num_pools"), [(1, 0), (4, 2), (8, 3), (16, 4)])
def test_images_are_halved_down_to_cells(cell: int, num_pools: int) -> None:
    asked = request((32, 48, 1), (32 // cell, 48 // cell))
    layers = tuple(layer for _, layer in describe_network(asked))
    assert sum(isinstance(layer, MaxPool2D) for layer in layers) == num_pools
    assert shape_after(layers[:-1], asked.input_shape) == (32 // cell, 48 // cell, 8)
    assert shape_after(layers, asked.input_shape) == (asked.num_outputs,)


def test_what_it_cannot_find_boxes_in_is_told() -> None:
    with pytest.raises(ConfigError, match="'detector' finds boxes: prepare COCO images with `labels: boxes`"):
        check_network(request((32, 32, 1), None))
    with pytest.raises(ConfigError, match=r"cells of 2, 4, 8, 16, .* pixels; those of the table have 6"):
        check_network(request((36, 36, 1), (6, 6)))
