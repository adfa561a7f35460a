"""What sources and scorer do on Spark Connect is what they do on classic Spark, in one process with one session."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake

from dbx_dl.runtime.processes import call_in_process
from dbx_dl.score.model.session import open_model
from tests.image_files import write_coco, write_idx_pair
from tests.onnx_models import write_linear_model
from tests.prepared_tables import IMAGES, SPEC, draw_image, encode_png
from tests.spark.prepare.pictures import PICTURES, write_pictures
from tests.spark.prepare.sources import write_files

NUM_ROWS, NUM_WATCHED = 400_000, 400
PIXELS = draw_image(1, 1)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("connect")


@pytest.fixture(scope="module")
def found(place: Path) -> dict[str, Any]:
    works = {
        "list_sources": write_sources(place / "sources"),
        "score_pictures": write_scored_pictures(place / "pictures"),
        "score_with_a_kill": write_rows(place / "rows"),
    }
    result: dict[str, Any] = call_in_process("tests.spark.connect_process:work_on_connect", {"works": works})
    assert result["session"].startswith("pyspark.sql.connect")
    return result


def write_sources(place: Path) -> dict[str, Any]:
    """A source of every format, a folder that will be gone, and one that is prepared."""
    pictures = place / "pictures [1]"
    write_pictures(pictures)
    (place / "m.csv").write_text("path,label\ncat/0.png,a\ncat/0.png,a\n../x,b\n", encoding="utf-8")
    (place / "top" / "gone").mkdir(parents=True)
    sources: dict[str, Any] = {
        "folders": {"path": str(pictures)},
        "manifest": {"format": "manifest", "path": str(place / "m.csv"), "root": str(pictures)},
        "idx": {"format": "idx", "pairs": [write_idx_pair(place, num_images=2, is_zipped=True)]},
        "coco": {"format": "coco", "annotations": str(write_coco(place)), "root": str(place / "images")},
        "table": {"format": "table", "table": "pictures"},
    }
    many = {f"{label}/{i}.png": PICTURES[f"{label}/{i % 3}.png"] for label in ("cat", "dog") for i in range(80)}
    write_files(place / "many" / "in", many | {"cat/broken.png": b"x"})
    return {"sources": sources, "gone": str(place / "top" / "gone"), "folder": str(place / "many")}


def write_scored_pictures(place: Path) -> dict[str, str]:
    """A good picture and two that are none, and a model in two files on their way to the workers."""
    write_files(place / "files", {"good.png": encode_png(PIXELS), "empty.png": b"", "text.png": b"text"})
    write_linear_model(place / "m.onnx", IMAGES, inline_bytes=64)
    return {"folder": str(place / "files"), "model": str(place / "m.onnx"), "table": str(place / "predictions")}


def write_rows(place: Path) -> dict[str, str]:
    """Rows in two files that take their workers a while."""
    place.mkdir()
    write_linear_model(place / "m.onnx", SPEC)
    numbers = np.random.default_rng(0).normal(size=(2, NUM_ROWS))
    rows = {"id": [f"k{row:06d}" for row in range(NUM_ROWS)], "x": numbers[0], "y": numbers[1]}
    table = pa.table({**rows, "colour": ["blue", "red"] * (NUM_ROWS // 2)})
    for half in (table.slice(0, NUM_ROWS // 2), table.slice(NUM_ROWS // 2)):
        write_deltalake(place / "source", half, mode="append")
    return {"source": str(place / "source"), "model": str(place / "m.onnx"), "table": str(place / "table")}


def write_watched_rows(place: Path) -> dict[str, Any]:
    """Rows to train on, later ones whose x has moved, and the truth about some of these."""
    place.mkdir()
    rng, label = np.random.default_rng(1), ("down", "up")
    tables = []
    for name, shift in (("old", 0.0), ("new", 2.0)):
        x, y = rng.normal(shift, 1, NUM_WATCHED), rng.normal(size=NUM_WATCHED)
        columns = {"id": [f"{name}{row}" for row in range(NUM_WATCHED)], "x": x, "y": y}
        colours = rng.choice(["blue", "red"], NUM_WATCHED)
        tables.append(pa.table({**columns, "colour": colours, "label": [label[int(s > 0)] for s in x + y]}))
    pq.write_table(tables[0], place / "rows.parquet")
    write_deltalake(place / "new", tables[1].drop_columns(["label"]))
    truth = tables[1].select(["id", "label"]).slice(0, NUM_WATCHED // 2)
    moments = pa.array([datetime(2026, 1, 1, tzinfo=UTC)] * truth.num_rows, pa.timestamp("us", "UTC"))
    write_deltalake(place / "truth", truth.append_column("known_at", moments))
    return {"folder": str(place), "keys": ["new0", "new1"]}


def test_sources(place: Path, found: dict[str, Any]) -> None:
    found = found["list_sources"]
    assert {key for key, reason, _ in found["folders"] if reason is None} == {*PICTURES, "cat/empty.png"}
    assert found["manifest"] == [
        ["../x", "outside_root", 0],
        ["cat/0.png", "duplicate_key", 0],
        ["cat/0.png", None, 0],
    ]
    assert [size > 60 for _, _, size in found["idx"]] == [True, True]
    assert [reason for _, reason, _ in found["coco"]] == [None, None, "bad_annotation", "file_missing", None]
    assert found["table"] == [["k", None, 3]]
    assert found["gone"].startswith(f"folder {place}/sources/top/gone is gone")
    assert found["prepared"] == [[0, 160, 1], [1, 161, 1]] and found["again"]
    assert any(line.startswith("checked about ") for line in found["lines"])


def test_scoring(place: Path, found: dict[str, Any]) -> None:
    found = found["score_pictures"]
    session = open_model(place / "pictures" / "m.onnx")
    label = session.label_names[int(session.predict({"pixels": PIXELS[None, ..., None]}).argmax())]
    assert found["labels"] == {"good.png": label, "empty.png": None, "text.png": None}
    assert (found["scored"]["num_rows"], found["scored"]["error_reasons"]) == (3, {"empty": 1, "not_an_image": 1})
    # Spark's own reader does not see files without bytes.
    assert len([*(place / "pictures" / "models").glob("*/model.onnx")]) == 1, "SQL read the model from there"
    assert found.get("arrow", found["pandas"]) == found["pandas"] == found["sql"] == sorted([label, "not_an_image"])
    assert [found["later"][name] for name in ("num_rows", "num_written", "num_removed")] == [2, 0, 1]
    assert found["streamed"] == {"good.png": label}


@pytest.mark.matrix
def test_what_comes_after_scoring(tmp_path: Path) -> None:
    works = {"go_on_after_scoring": write_watched_rows(tmp_path / "watched")}
    result = call_in_process("tests.spark.connect_process:work_on_connect", {"works": works})
    assert result["session"].startswith("pyspark.sql.connect")
    found = result["go_on_after_scoring"]
    watched = found["watched"]
    by_place = {
        (area, column, metric, part): (value, status)
        for area, column, metric, part, value, status in watched["findings"]
    }
    assert by_place["drift", "x", "psi", ""][1] == "alert" and by_place["drift", "y", "psi", ""][1] == "ok"
    assert by_place["quality", "", "label_coverage", ""][0] == 0.5
    assert by_place["quality", "colour", "accuracy", "colour = red"][0] > 0.9
    assert {part for area, _, metric, part in by_place if (area, metric) == ("fairness", "selection_rate")} == {
        "blue",
        "red",
    }
    assert by_place["operations", "", "rows_scored", ""][0] == NUM_WATCHED
    assert (watched["num_stored"], watched["again"]) == (len(watched["findings"]), 0)
    labelled = found["labelled"]
    assert (labelled["written"], labelled["num_shared"], labelled["resolved"]) == ([4, 0], 2, ["new1"])
    assert len(set(labelled["queued"])) == 10 and "new1" not in labelled["queued"]
    assert labelled["num_left"] == NUM_WATCHED - 1
    explained = found["explained"]
    assert (explained["method"], explained["num_rows"], explained["num_errors"]) == ("shapley", 20, 0)
    assert set(explained["strongest"]) == {"x", "y"} and explained["important"][-1] == "colour"


def test_a_killed_workers_task_is_done_again(place: Path, found: dict[str, Any]) -> None:
    assert found["score_with_a_kill"] == {"num_rows": NUM_ROWS, "num_killed": 1}
    table = DeltaTable(place / "rows" / "table")
    assert len(set(table.to_pyarrow_table(columns=["key"])["key"].to_pylist())) == NUM_ROWS
    files = {str(path) for path in (place / "rows" / "table").rglob("*.parquet")}
    assert len(files) == len(table.file_uris())
