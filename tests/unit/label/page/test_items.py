"""What is shown and suggested: predictions in any form, files of a folder, contents of a table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dbx_dl.contracts import LabelBox, LabelPolygon, LabelTask
from dbx_dl.errors import DataError
from dbx_dl.label.page.content_types import find_image_type
from dbx_dl.label.page.folder_items import FolderItems, list_keys
from dbx_dl.label.page.item_store import ItemStore
from dbx_dl.label.page.items import PageItem, Suggestion, read_suggestion

CLASSES = ("cat", "dog", "bird")
BOX = {"label": "cat", "x": 0.1, "y": 0.2, "width": 0.3, "height": 0.4}
TRIANGLE = {"label": "dog", "points": [0.0, 0.0, 1.0, 0.0, 0.0, 1.0]}


@pytest.mark.parametrize(
    ("task", "value", "probability", "expected"),
    [
        ("classes", "cat", 0.5, Suggestion(labels=(("cat", 0.5),))),
        ("classes", {"label": "dog", "probability": 0.9}, 0.1, Suggestion(labels=(("dog", 0.9),))),
        ("classes", ["dog", "cat"], None, Suggestion(labels=(("dog", None),))),
        ("classes", "cow", 0.9, Suggestion()),
        ("classes", None, None, Suggestion()),
        ("text_classes", "bird", 1.0000001, Suggestion(labels=(("bird", 1.0),))),
        ("classes", "bird", float("nan"), Suggestion(labels=(("bird", None),))),
        ("label_sets", ["dog", "cow", "cat", "dog"], None, Suggestion(labels=(("dog", None), ("cat", None)))),
        ("label_sets", [], None, Suggestion()),
        ("boxes", [{**BOX, "probability": 0.7}], None, Suggestion(boxes=((LabelBox(**BOX), 0.7),))),
        ("boxes", [{**BOX, "width": 2.0}, {**BOX, "label": "cow"}, {}, None], None, Suggestion()),
        ("polygons", [TRIANGLE, BOX], None, Suggestion(polygons=((LabelPolygon.model_validate(TRIANGLE), None),))),
    ],
)
def test_suggestions_are_read_from_any_form_of_predictions(
    task: LabelTask, value: Any, probability: float | None, expected: Suggestion
) -> None:
    found = read_suggestion(task, value, probability, CLASSES)
    assert found == expected and (found.as_json() is None) == (not expected)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\x89PNG\r\n\x1a\nx", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"\0\0\0\x20ftypavif", "image/avif"),
        (b"BM\0\0", "image/bmp"),
        (b"RIFF\0\0\0\0WAVE", None),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", None),
        (b"<html>", None),
        (b"", None),
        (b"II*\0", None),
    ],
)
def test_images_are_known_by_their_first_bytes(content: bytes, kind: str | None) -> None:
    assert find_image_type(content) == kind


def test_a_folder_lists_what_prepare_would(tmp_path: Path) -> None:
    for name in ("b/x.PNG", "a/y.jpg", "z.webp", ".hidden.png", "_tmp/x.png", ".git/x.png", "notes.txt", "v.svg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"1")
    keys = list_keys(tmp_path, is_text=False)
    assert sorted(keys) == ["a/y.jpg", "b/x.PNG", "z.webp"] and keys == list_keys(tmp_path, is_text=False)
    assert list_keys(tmp_path, is_text=True) == ["notes.txt"]
    items = FolderItems(tmp_path, [PageItem("z.webp"), PageItem("gone.png")])
    assert (items.read_content(0), items.read_content(1)) == (b"1", None)
    with pytest.raises(DataError, match="is no folder"):
        list_keys(tmp_path / "none", is_text=False)
    with pytest.raises(DataError, match="holds no file that ends in"):
        list_keys(tmp_path / "a", is_text=True)


def test_a_store_keeps_the_order_and_leaves_out_what_has_no_content() -> None:
    store = ItemStore([PageItem(key) for key in "abcde"])
    assert store.add_contents([("a", b"1"), ("c", b""), ("d", b"22"), ("e", b"333")], max_bytes=3) == 3
    assert [item.key for item in store.list_items()] == ["a", "c", "d"]
    assert [store.read_content(position) for position in range(4)] == [b"1", b"", b"22", None]
    store.close()


def test_a_store_takes_one_item_however_large() -> None:
    store = ItemStore([PageItem("a"), PageItem("b")])
    assert store.add_contents([("a", b"12345"), ("b", b"1")], max_bytes=3) == 1
    store.close()
