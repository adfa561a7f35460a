"""Pictures of what a network makes."""

from __future__ import annotations

import numpy as np

from dbx_dl.contracts import ImageSpec
from dbx_dl.train.samples import tile


def test_images_stand_side_by_side_in_rows() -> None:
    spec = ImageSpec(height=2, width=3, channels=1)
    made = np.repeat(np.arange(4) / 4, 6).reshape(4, 6)
    grid = tile(made, spec)
    assert grid.shape == (2 * 3, 2 * 4, 1)
    assert grid[:2, :3].ravel().tolist() == [0] * 6
    assert grid[:2, 4:7].ravel().tolist() == [64] * 6
    assert grid[3:5, :3].ravel().tolist() == [128] * 6
    assert not grid[2].any() and not grid[:, 3].any()
