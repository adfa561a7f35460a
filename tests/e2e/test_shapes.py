"""Boxes and masks from a COCO export to a table of scores, by the runs in conf/runs, with both frameworks."""

from __future__ import annotations

import io
from pathlib import Path

import deltalake
import numpy as np
import pytest
from PIL import Image

from dbx_dl.contracts import OnnxModel, PreparedTable, Promotion, ScoredTable
from dbx_dl.metrics.boxes import overlap
from dbx_dl.metrics.masks import mask_metrics
from tests.e2e.conftest import CallCli
from tests.e2e.results import keep_result
from tests.shape_images import KINDS, write_shapes

NUM_IMAGES = 400
RUNS = Path(__file__).parents[2] / "conf" / "runs"
# By run: the task, its grid, and metrics of the test split that must be passed.
CASES = {
    "shapes": ("boxes", (4, 4), {"map_50": 0.8, "box_iou": 0.6}),
    "shape_masks": ("segmentation", (32, 32), {"mean_iou": 0.6, "pixel_accuracy": 0.9}),
}


@pytest.mark.matrix
@pytest.mark.parametrize("run", CASES)
def test_shapes_are_found(tmp_path: Path, call_cli: CallCli, run: str) -> None:
    place, (task, grid, limits) = tmp_path / "dbx_dl_shapes", CASES[run]
    write_shapes(place / "data", NUM_IMAGES)
    printed = call_cli("run", str(RUNS / f"{run}.yml"), directory=tmp_path)
    assert printed.returncode == 0, printed.stderr[-3000:]
    files = place / "runs" / run
    target = PreparedTable.load(files / "prepared.json").target
    assert (target.task, target.label_names, target.grid) == (task, KINDS, grid)
    for framework in ("keras", "torch"):
        model = OnnxModel.load(files / framework / "onnx.json")
        assert model.parity.max_abs_difference <= 1e-5
        for name, value in model.metrics.items():
            assert value > limits[name]
            assert value == pytest.approx(model.trained.metrics[f"test_{name}"], abs=1e-4)
        keep_result(model, "drawn shapes", find_nothing(files / framework / "test_predictions.npz", task))
    assert Promotion.load(files / "promotion.json").champion_version is not None
    scored = ScoredTable.load(files / "scored.json")
    assert (scored.num_rows, scored.num_errors) == (NUM_IMAGES, 0)
    (check_boxes if task == "boxes" else check_masks)(place / "tables")


def find_nothing(predictions: Path, task: str) -> float:
    """The deciding metric where no object is found: no precision, and the overlap of the background alone."""
    if task == "boxes":
        return 0.0
    with np.load(predictions, allow_pickle=False) as arrays:
        return mask_metrics(arrays["labels"], 0 * arrays["labels"])["mean_iou"]


def check_boxes(folder: Path) -> None:
    """Most of the true boxes have one that is likely, has their label and overlaps them."""
    rows = deltalake.DeltaTable(str(folder / "shapes")).to_pyarrow_table(columns=["key", "label_boxes"])
    truth = {row["key"]: row["label_boxes"] for row in rows.to_pylist()}
    found = deltalake.DeltaTable(str(folder / "shapes_scores")).to_pyarrow_table().to_pylist()
    assert {row["key"] for row in found} == set(truth)
    names = ("x", "y", "width", "height")
    is_found = []
    for row in found:
        likely = [box for box in row["boxes"] if box["probability"] > 0.3]
        assert all(0 <= box[name] <= 1 for box in likely for name in names)
        for box in truth[row["key"]]:
            alike = np.array([[b[n] for n in names] for b in likely if b["label"] == box["label"]]).reshape(-1, 4)
            is_found.append(overlap(alike, np.array([[box[name] for name in names]])).max(initial=0) > 0.5)
    assert np.mean(is_found) > 0.8


def check_masks(folder: Path) -> None:
    """Areas are those of the masks, which show something and not all."""
    for row in deltalake.DeltaTable(str(folder / "shape_masks_scores")).to_pyarrow_table().to_pylist():
        mask = np.asarray(Image.open(io.BytesIO(row["mask"])))
        assert mask.shape == (32, 32)
        areas = dict(row["areas"])
        assert areas == {kind: float((mask == place).mean()) for place, kind in enumerate(KINDS, start=1)}
        assert 0.02 < sum(areas.values()) < 0.6
