"""Boxes of a table as labels: in the model's shares, zeros where there is none, and only changes that keep places."""

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
from dbx_dl.feed.boxes import flip_boxes
from dbx_dl.feed.reader import open_feed
from tests.prepared_tables import describe, encode_png

TARGET = Target(task="boxes", column="label", label_names=("a", "b"), grid=(1, 1), max_boxes=2)
FIRST = {"label": "b", "x": 0.25, "y": 0.5, "width": 0.5, "height": 0.25}
SECOND = {"label": "a", "x": 0.0, "y": 0.0, "width": 0.125, "height": 1.0}


def write(folder: Path, boxes: list[Any], resize: str = "fill") -> PreparedTable:
    """Images of 4x8 pixels (rows x columns) with these boxes."""
    kind = pa.list_(
        pa.struct([("label", pa.string()), *((name, pa.float64()) for name in ("x", "y", "width", "height"))])
    )
    rows = {
        "key": [f"k{row}" for row in range(len(boxes))],
        "content": [encode_png(np.full((4, 8), 9, np.uint8))] * len(boxes),
        "label_boxes": pa.array(boxes, kind),
        "height": pa.array([4] * len(boxes), pa.int32()),
        "width": pa.array([8] * len(boxes), pa.int32()),
        "split": ["train"] * len(boxes),
    }
    write_deltalake(folder, pa.table(rows), partition_by=["split"])
    spec = ImageSpec.model_validate({"height": 8, "width": 8, "channels": 1, "resize": resize})
    return describe(folder, 0, {"train": len(boxes)}, spec, ("a", "b")).model_copy(update={"target": TARGET})


def test_boxes_stand_side_by_side_and_padding_has_none(tmp_path: Path) -> None:
    (batch,) = open_feed(write(tmp_path, [[FIRST, SECOND], [], [SECOND]]), "train", batch_size=4).batches(None)
    assert batch.labels.shape == (4, 2, 5) and batch.labels.dtype == np.float32
    np.testing.assert_allclose(batch.labels[0], [[1, 0.25, 0.5, 0.5, 0.25], [0, 0, 0, 0.125, 1]])
    np.testing.assert_allclose(batch.labels[2, 0], [0, 0, 0, 0.125, 1])
    assert not batch.labels[1].any() and not batch.labels[3].any() and not batch.labels[2, 1].any()


def test_boxes_move_with_the_pixels(tmp_path: Path) -> None:
    (padded,) = open_feed(write(tmp_path / "pad", [[FIRST]], "pad"), "train", batch_size=1).batches(None)
    np.testing.assert_allclose(padded.labels[0, 0], [1, 0.25, 0.5, 0.5, 0.125])
    (cropped,) = open_feed(write(tmp_path / "crop", [[SECOND, FIRST]], "crop"), "train", batch_size=1).batches(None)
    # The crop leaves the middle half: nothing of the second box, and of the first one all, twice as wide.
    np.testing.assert_allclose(cropped.labels[0], [[0, 0, 0, 0, 0], [1, 0, 0.5, 1, 0.25]])


@pytest.mark.parametrize(
    ("boxes", "message"),
    [
        ([[FIRST] * 3], "an image with 3 boxes, more than 2"),
        ([[{**FIRST, "label": "c"}]], "boxes with labels outside of the known ones"),
        ([None], "rows without label_boxes, height, width"),
    ],
)
def test_what_cannot_be_used_is_told(tmp_path: Path, boxes: list[Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        list(open_feed(write(tmp_path, boxes), "train", batch_size=1).batches(None))


def test_images_are_not_moved_away_from_their_boxes(tmp_path: Path) -> None:
    prepared = write(tmp_path, [[FIRST]])
    config = FeedConfig.model_validate({"augment": {"shift": 0.1, "brightness": 0.5}})
    with pytest.raises(ConfigError, match=r"feed\.augment\.shift would move images away from their boxes"):
        open_feed(prepared, "train", batch_size=1, config=config)
    brighter = FeedConfig.model_validate({"augment": {"brightness": 0.5}})
    (batch,) = open_feed(prepared, "train", batch_size=1, config=brighter).batches(1)
    np.testing.assert_allclose(batch.labels[0, 0], [1, 0.25, 0.5, 0.5, 0.25])


def test_boxes_are_flipped_with_their_images(tmp_path: Path) -> None:
    prepared = write(tmp_path, [[FIRST, SECOND]] * 16)
    config = FeedConfig.model_validate({"augment": {"flip": "both"}})
    (batch,) = open_feed(prepared, "train", batch_size=16, config=config).batches(1)
    found = {tuple(np.round(boxes[:, 1:3].ravel(), 3).tolist()) for boxes in batch.labels}
    assert found == {(0.25, y, x, 0.0) for y in (0.5, 0.25) for x in (0.0, 0.875)}
    mirrored = flip_boxes(batch.labels[0], True, True)
    np.testing.assert_allclose(flip_boxes(mirrored, True, True), batch.labels[0], atol=1e-6)
    assert not flip_boxes(np.zeros((2, 5), np.float32), True, True).any()
