"""The check that runs on the executors, on Arrow batches without Spark."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from dbx_dl.contracts import ImageSpec
from dbx_dl.prepare.images import checks
from dbx_dl.prepare.images.checks import CHECKED_COLUMNS, CheckSettings, make_checker
from tests.image_bytes import encode_pixels, gradient, png_header

GOOD = encode_pixels(gradient(6, 5))
FILES = {
    "a/good.png": GOOD,
    "a/deep/er.png": GOOD,
    "a/empty.png": b"",
    "a/text.png": b"hello",
    "a/cut.png": GOOD[:50],
    "b/one.png": encode_pixels(np.zeros((1, 1), np.uint8)),
    "b/large.png": encode_pixels(np.zeros((20, 20), np.uint8)),
    "b/bomb.png": png_header(60_000, 60_000),
    "b/long.png": GOOD + bytes(2000),
}
SPEC = ImageSpec(height=6, width=5, channels=1, max_pixels=100, min_side=2)
SETTINGS = CheckSettings(SPEC, max_file_bytes=1000)
VERDICTS = {
    "a/good.png": None,
    "a/deep/er.png": None,
    "a/empty.png": "empty",
    "a/text.png": "not_an_image",
    "a/cut.png": "truncated",
    "b/one.png": "too_small",
    "b/large.png": "too_large",
    "b/bomb.png": "too_large",
    "b/long.png": "file_too_large",
}


def check(rows: list[dict[str, Any]], settings: CheckSettings = SETTINGS) -> list[dict[str, Any]]:
    fields = {
        "key": pa.string(),
        "note": pa.int64(),
        "content": pa.binary(),
        "location": pa.string(),
        "size_bytes": pa.int64(),
        "reason": pa.string(),
        "detail": pa.string(),
    }
    batch = pa.RecordBatch.from_pylist(rows, schema=pa.schema(list(fields.items())))
    checked = pa.Table.from_batches(make_checker(settings, ["key", "note"])([batch]))
    assert checked.schema.names == ["key", "note", *(column.split()[0] for column in CHECKED_COLUMNS.split(", "))]
    assert checked.schema.field("height").type == pa.int32()
    assert checked.schema.field("size_bytes").type == pa.int64()
    return list(checked.to_pylist())


def inline() -> list[dict[str, Any]]:
    return [{"key": key, "note": i, "content": data} for i, (key, data) in enumerate(FILES.items())]


def on_disk(folder: Path) -> list[dict[str, Any]]:
    rows = []
    for i, (key, data) in enumerate(FILES.items()):
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        rows.append({"key": key, "note": i, "location": str(path), "size_bytes": len(data)})
    return rows


@pytest.mark.parametrize("where", ["inline", "on disk"])
def test_every_image_gets_one_verdict_in_its_place(tmp_path: Path, where: str) -> None:
    checked = check(inline() if where == "inline" else on_disk(tmp_path))
    assert [(row["key"], row["_reason"]) for row in checked] == list(VERDICTS.items())
    assert [row["note"] for row in checked] == list(range(len(FILES)))


def test_good_images_keep_their_bytes_and_rejects_only_their_size() -> None:
    for row in check(inline()):
        data = FILES[row["key"]]
        assert row["size_bytes"] == (len(data) if row["_reason"] != "file_too_large" else None)
        if row["_reason"] is None:
            assert row["content"] == data
            assert row["sha256"] == hashlib.sha256(data).hexdigest()
            assert (row["height"], row["width"], row["channels"], row["format"]) == (6, 5, 1, "PNG")
            np.testing.assert_allclose(row["pixel_means"], [gradient(6, 5).mean()])
            np.testing.assert_allclose(row["pixel_deviations"], [gradient(6, 5).std()])
        else:
            assert row["_detail"]
            assert [row["content"], row["sha256"], row["height"]] == [None, None, None]


def test_what_was_refused_before_is_not_opened_and_missing_files_are_named(tmp_path: Path) -> None:
    refused = {"key": "x", "location": str(tmp_path / "x"), "reason": "outside_root", "detail": "it is outside"}
    gone = {"key": "y", "location": str(tmp_path / "y"), "size_bytes": 7}
    first, second = check([refused, gone])
    assert (first["_reason"], first["_detail"]) == ("outside_root", "it is outside")
    assert second["_reason"] == "unreadable"
    assert second["_detail"] == "the file cannot be read: No such file or directory"
    assert second["size_bytes"] == 7


def test_resized_images_are_encoded_again() -> None:
    wide = encode_pixels(np.repeat(gradient(8, 4), 3, axis=1))
    spec = SPEC.model_copy(update={"resize": "pad"})
    (row,) = check([{"key": "k", "content": wide}], CheckSettings(spec, 1000, resize="fit", encoding="png"))
    assert Image.open(io.BytesIO(row["content"])).size == (5, 3)
    assert (row["height"], row["width"]) == (8, 12)
    assert row["sha256"] == hashlib.sha256(wide).hexdigest()
    assert row["size_bytes"] == len(wide)


def test_batches_stay_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "_CHUNK_BYTES", 3 * len(GOOD))
    columns = {"key": [str(i) for i in range(50)], "content": pa.array([GOOD] * 50, pa.binary())}
    batch = pa.RecordBatch.from_pydict(columns)
    sizes = [chunk.num_rows for chunk in make_checker(SETTINGS, ["key"])([batch])]
    assert sum(sizes) == 50 and max(sizes) <= 8
