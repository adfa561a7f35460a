"""Polygons of a table as masks: painted at the model's size, wherever the pixels have moved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from deltalake import write_deltalake

from dbx_dl.config import FeedConfig
from dbx_dl.contracts import ImageSpec, PreparedTable, Target
from dbx_dl.errors import ConfigError, DataError
from dbx_dl.feed.reader import open_feed
from tests.prepared_tables import describe, encode_png

LEFT = {"label": "b", "points": [0.0, 0.0, 0.5, 0.0, 0.5, 1.0, 0.0, 1.0]}
CORNER = {"label": "a", "points": [0.0, 0.0, 0.25, 0.0, 0.25, 0.5, 0.0, 0.5]}


def write(folder: Path, polygons: list[Any], resize: str = "fill") -> PreparedTable:
    """Images of 8x16 pixels (rows x columns) with these polygons, for a model that takes 16x16."""
    kind = pa.list_(pa.struct([("label", pa.string()), ("points", pa.list_(pa.float64()))]))
    rows = {
        "key": [f"k{row}" for row in range(len(polygons))],
        "content": [encode_png(np.full((8, 16), 9, np.uint8))] * len(polygons),
        "label_polygons": pa.array(polygons, kind),
        "height": pa.array([8] * len(polygons), pa.int32()),
        "width": pa.array([16] * len(polygons), pa.int32()),
        "split": ["train"] * len(polygons),
    }
    write_deltalake(folder, pa.table(rows), partition_by=["split"])
    spec = ImageSpec.model_validate({"height": 16, "width": 16, "channels": 1, "resize": resize})
    target = Target(task="segmentation", column="label", label_names=("a", "b"), grid=(16, 16))
    return describe(folder, 0, {"train": len(polygons)}, spec, ("a", "b")).model_copy(update={"target": target})


def read(prepared: PreparedTable, **config: Any) -> np.ndarray:
    feed = open_feed(prepared, "train", batch_size=4, config=FeedConfig.model_validate(config))
    (batch,) = feed.batches(None)
    return batch.labels


def test_later_polygons_are_painted_over_earlier_ones(tmp_path: Path) -> None:
    masks = read(write(tmp_path, [[LEFT, CORNER], [], [CORNER]]))
    assert masks.shape == (4, 16, 16) and masks.dtype == np.uint8
    assert (masks[0, :8, :4] == 1).all() and (masks[0, 8:, :8] == 2).all() and not masks[0, :, 8:].any()
    assert not masks[1].any() and not masks[3].any()
    assert (masks[2] == 1).sum() == 8 * 4


def test_polygons_move_with_the_pixels(tmp_path: Path) -> None:
    padded = read(write(tmp_path / "pad", [[LEFT]], "pad"))[0]
    assert (padded[4:12, :8] == 2).all() and padded.sum() == 2 * 8 * 8
    cropped = read(write(tmp_path / "crop", [[LEFT, CORNER]], "crop"))[0]
    # The middle half of the image, twice as wide: the corner is cut off.
    assert (cropped[:, :8] == 2).all() and not cropped[:, 8:].any()


def test_what_cannot_be_used_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="polygons with labels outside of the known ones"):
        read(write(tmp_path / "label", [[{**LEFT, "label": "c"}]]))
    with pytest.raises(DataError, match="rows without label_polygons, height, width"):
        read(write(tmp_path / "null", [None]))
    with pytest.raises(ConfigError, match=r"feed\.augment\.rotate would move images away from their segmentation"):
        read(write(tmp_path / "moved", [[LEFT]]), augment={"rotate": 10})


def test_masks_are_flipped_with_their_images(tmp_path: Path) -> None:
    feed = open_feed(
        write(tmp_path, [[LEFT]] * 12),
        "train",
        batch_size=12,
        config=FeedConfig.model_validate({"augment": {"flip": "horizontal"}}),
    )
    (batch,) = feed.batches(1)
    sides = {(bool(mask[:, :8].all()), bool(mask[:, 8:].all())) for mask in batch.labels}
    assert sides == {(True, False), (False, True)} and (batch.labels.sum(axis=(1, 2)) == 2 * 8 * 16).all()
