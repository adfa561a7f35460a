"""Labels that a file's path tells."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from dbx_dl.config import FolderSource
from dbx_dl.prepare.images.sources.folders import choose_label, make_labeller
from dbx_dl.prepare.images.sources.found import LISTING_COLUMNS
from dbx_dl.runtime.local_files import make_lister


@pytest.mark.parametrize(
    ("options", "path", "label"),
    [
        ({}, "cat/1.png", "cat"),
        ({}, "cat/dog/1.png", "cat"),
        ({}, "1.png", None),
        ({"label": "pattern", "pattern": r"(?P<label>[a-z]+)_\d+\.png$"}, "x/cat_1.png", "cat"),
        ({"label": "pattern", "pattern": r"(?P<label>[a-z]+)_\d+\.png$"}, "cat/1.png", None),
        ({"label": "pattern", "pattern": r"^(?P<label>[a-z]*)"}, "1.png", None),
        ({"label": "pattern", "pattern": r"a|(?P<label>b)"}, "a", None),
    ],
)
def test_labels(options: dict[str, str], path: str, label: str | None) -> None:
    get_label = choose_label(FolderSource.model_validate({"path": "p", **options}))
    assert get_label is not None
    assert get_label(path) == label


def test_no_labels() -> None:
    assert choose_label(FolderSource(path="p", label="none")) is None


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, {"a/1": ("a", None), "top": (None, "no_label"), "a/gone": ("a", "file_missing")}),
        ({"label": "none"}, {"a/1": (None, None), "top": (None, None), "a/gone": (None, "file_missing")}),
        (
            {"label": "pattern", "pattern": "(?P<label>o)"},
            {"a/1": (None, "no_label"), "top": ("o", None), "a/gone": ("o", "file_missing")},
        ),
    ],
)
def test_listing(tmp_path: Path, options: dict[str, str], expected: dict[str, tuple[str | None, str | None]]) -> None:
    (tmp_path / "a").mkdir()
    for name in ("a/1", "top"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "a" / "gone").symlink_to(tmp_path / "nothing")
    source = FolderSource.model_validate({"path": str(tmp_path), **options})
    label_batches = make_labeller(source, make_lister(str(tmp_path)))
    root = {"path": [str(tmp_path).encode()], "is_whole": [True], "links": pa.array([[]], pa.list_(pa.binary()))}
    (listed,) = label_batches([pa.RecordBatch.from_pydict(root)])
    assert tuple(listed.schema.names) == LISTING_COLUMNS
    rows = listed.to_pylist()
    assert {row["key"]: (row["label"], row["reason"]) for row in rows} == expected
    assert all((row["reason"] is None) == (row["detail"] is None) for row in rows)
