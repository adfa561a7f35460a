"""Files that find boxes or masks, from encoded images to prediction structs, and what the gates make of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from dbx_dl.contracts import ImageSpec, ModelMetadata, Target
from dbx_dl.errors import ConfigError
from dbx_dl.export.model_files import write_model
from dbx_dl.export.parity import HeldOutRows, compare_outputs, summarize_parity
from dbx_dl.score.model.own_models import plan_own
from dbx_dl.score.model.session import ModelSession, open_model
from dbx_dl.score.outputs.class_scores import ClassChoices
from dbx_dl.score.predictions import predict_rows, predict_structs
from dbx_dl.tasks import TaskSettings, task_of
from tests.onnx_models import make_metadata, make_network, make_weights
from tests.prepared_tables import encode_png

IMAGES = ImageSpec(height=4, width=6, channels=1)
NAMES = ("cat", "dog")
TARGETS = {
    "boxes": Target(task="boxes", column="label", label_names=NAMES, grid=(2, 3), max_boxes=4),
    "mask": Target(task="segmentation", column="label", label_names=NAMES, grid=(4, 6)),
}
PIXELS = np.random.default_rng(8).integers(0, 256, (5, 4, 6), dtype=np.uint8)


def write(path: Path, kind: str) -> tuple[ModelSession, np.ndarray]:
    """The session of a linear network's file, and the network's outputs for PIXELS."""
    metadata = describe(kind)
    weights = make_weights(IMAGES, task_of(metadata.target).count_outputs(metadata.target), 3) * 4
    write_model(make_network(IMAGES, weights), metadata, path)
    return open_model(path), PIXELS.reshape(5, -1).astype(np.float32) / 255 @ weights


def describe(kind: str) -> ModelMetadata:
    return make_metadata(IMAGES, NAMES).model_copy(update={"target": TARGETS[kind]})


def batch(*broken: Any) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array([*map(encode_png, PIXELS), *broken], pa.binary())], ["content"])


@pytest.mark.parametrize("kind", TARGETS)
def test_a_file_gives_what_the_task_predicts(tmp_path: Path, kind: str) -> None:
    session, outputs = write(tmp_path / "m.onnx", kind)
    task = task_of(TARGETS[kind])
    expected = task.predict(outputs, TaskSettings())
    found, errors = predict_rows(session, batch())
    assert not errors and found[task.output_kind].shape == expected.shape
    held_out = HeldOutRows(batch(), list("abcde"), {task.output_kind: expected})
    parity = summarize_parity(compare_outputs(session, held_out), session.metadata, 1e-5)
    assert parity.max_abs_difference < 1e-5 and parity.share_equal_classes == 1


def test_boxes_come_as_lists_and_a_broken_image_costs_its_own_row(tmp_path: Path) -> None:
    session, _ = write(tmp_path / "m.onnx", "boxes")
    rows = [row for part in predict_structs(session, batch(b"text")) for row in part.to_pylist()]
    assert [row["error"] is None for row in rows] == [True] * 5 + [False] and rows[5]["boxes"] is None
    boxes = [box for row in rows[:5] for box in row["boxes"]]
    assert boxes and {box["label"] for box in boxes} <= set(NAMES)
    assert all(box["x"] >= 0 and box["x"] + box["width"] <= 1 + 1e-9 for box in boxes)


def test_masks_come_as_images(tmp_path: Path) -> None:
    session, _ = write(tmp_path / "m.onnx", "mask")
    rows = [row for part in predict_structs(session, batch(None)) for row in part.to_pylist()]
    assert [row["error"] is None for row in rows] == [True] * 5 + [False]
    assert all(set(dict(row["areas"])) == set(NAMES) and row["mask"].startswith(b"\x89PNG") for row in rows[:5])


@pytest.mark.parametrize(("kind", "what"), [("boxes", "boxes"), ("mask", "masks")])
def test_places_have_no_top_k(kind: str, what: str) -> None:
    with pytest.raises(ConfigError, match=f"the model predicts {what}: there are no labels for top_k"):
        plan_own(describe(kind), ClassChoices(top_k=2))
