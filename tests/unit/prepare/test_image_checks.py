"""The check that runs on the executors, on Arrow batches without Spark."""

from __future__ import annotations

import hashlib

import numpy as np
import pyarrow as pa

from dbx_dl.prepare.image_checks import CHECKED_SCHEMA, make_checker
from tests.image_bytes import encode_pixels, gradient

GOOD = encode_pixels(gradient(6, 5))
FILES = {
    "a/good.png": GOOD,
    "a/deep/er.png": GOOD,
    "a/empty.png": b"",
    "a/text.png": b"hello",
    "a/cut.png": GOOD[:50],
    "b/one.png": encode_pixels(np.zeros((1, 1), np.uint8)),
    "b/large.png": encode_pixels(np.zeros((20, 20), np.uint8)),
    "top.png": GOOD,
}


def check() -> list[dict[str, object]]:
    batch = pa.RecordBatch.from_pydict({"path": list(FILES), "content": pa.array(FILES.values(), pa.binary())})
    (checked,) = make_checker(max_pixels=100, min_side=2)([batch])
    assert checked.schema.names == [field.split()[0] for field in CHECKED_SCHEMA.split(", ")]
    assert checked.schema.field("height").type == pa.int32()
    assert checked.schema.field("size_bytes").type == pa.int64()
    return list(checked.to_pylist())


def test_every_file_gets_one_verdict() -> None:
    verdicts = {row["path"]: row["_reason"] for row in check()}
    assert verdicts == {
        "a/good.png": None,
        "a/deep/er.png": None,
        "a/empty.png": "empty",
        "a/text.png": "not_an_image",
        "a/cut.png": "truncated",
        "b/one.png": "too_small",
        "b/large.png": "too_large",
        "top.png": "no_label",
    }


def test_good_files_keep_their_bytes_and_rejects_only_their_size() -> None:
    for row in check():
        data = FILES[str(row["path"])]
        assert row["size_bytes"] == len(data)
        if row["_reason"] is None:
            assert row["content"] == data
            assert row["sha256"] == hashlib.sha256(data).hexdigest()
            assert (row["height"], row["width"], row["channels"], row["format"]) == (6, 5, 1, "PNG")
        else:
            assert row["_detail"]
            assert [row["content"], row["sha256"], row["height"]] == [None, None, None]
