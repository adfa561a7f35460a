"""Boxes from a COCO export to lists of boxes in a table, with detectors of both frameworks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import deltalake
import numpy as np
import pytest
import yaml

from dbx_dl.contracts import OnnxModel, PreparedTable, Promotion, ScoredTable
from dbx_dl.metrics.boxes import overlap
from tests.e2e.conftest import CallCli
from tests.shape_images import KINDS, write_shapes

NUM_IMAGES = 400


@pytest.mark.matrix
def test_boxes_go_the_whole_way(tmp_path: Path, call_cli: CallCli) -> None:
    write_shapes(tmp_path / "data", NUM_IMAGES)
    (tmp_path / "run.yml").write_text(yaml.safe_dump(configure()))
    printed = call_cli("run", "run.yml", directory=tmp_path)
    assert printed.returncode == 0, printed.stderr[-3000:]
    prepared = PreparedTable.load(tmp_path / "run" / "prepared.json")
    assert (prepared.target.task, prepared.target.label_names, prepared.target.grid) == ("boxes", KINDS, (4, 4))
    for framework in ("keras", "torch"):
        model = OnnxModel.load(tmp_path / "run" / framework / "onnx.json")
        assert model.parity.max_abs_difference <= 1e-5
        assert model.metrics["map_50"] > 0.8 and model.metrics["box_iou"] > 0.6
        for name, value in model.metrics.items():
            assert value == pytest.approx(model.trained.metrics[f"test_{name}"], abs=1e-3)
    assert Promotion.load(tmp_path / "run" / "promotion.json").champion_version is not None
    scored = ScoredTable.load(tmp_path / "run" / "scored.json")
    assert (scored.num_rows, scored.num_errors) == (NUM_IMAGES, 0)
    check_boxes(tmp_path)


def configure() -> dict[str, Any]:
    return {
        "name": "shapes",
        "directory": "run",
        "frameworks": ["keras", "torch"],
        "tracking": {"uri": "sqlite:///m.db", "artifacts": "artifacts"},
        "prepare": {
            "kind": "images",
            "source": {
                "format": "coco",
                "annotations": "data/annotations.json",
                "root": "data/images",
                "labels": "boxes",
            },
            "table": "./tables/shapes",
            "height": 32,
            "width": 32,
            "channels": 1,
        },
        "train": {
            "network": "detector",
            "network_options": {"filters": 8},
            "num_ranks": 2,
            "batch_size": 8,
            "num_epochs": 20,
            "optimizer": {"learning_rate": 0.005, "decay": "cosine"},
            "feed": {"augment": {"brightness": 0.1}},
        },
        "registry": {"name": "shapes", "threshold": 0.8},
        "score": {
            "source": "data/images",
            "source_format": "images",
            "model": "models:/shapes@champion",
            "table": "./tables/boxes",
        },
    }


def check_boxes(folder: Path) -> None:
    """Most of the true boxes have one that is likely, has their label and overlaps them."""
    rows = deltalake.DeltaTable(str(folder / "tables" / "shapes")).to_pyarrow_table(columns=["key", "label_boxes"])
    truth = {row["key"]: row["label_boxes"] for row in rows.to_pylist()}
    found = deltalake.DeltaTable(str(folder / "tables" / "boxes")).to_pyarrow_table().to_pylist()
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
