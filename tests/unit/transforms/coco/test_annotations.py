"""COCO files: labels and objects of images, and what is wrong with single images or the whole file."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dbx_dl.errors import DataError
from dbx_dl.prepare.images.sources.coco import to_table
from dbx_dl.transforms.coco.annotations import CocoFile, CocoImage, parse_coco
from tests.image_files import coco_document


def parse(document: Any, labels: Any = "multilabel") -> CocoFile:
    return parse_coco(json.dumps(document), labels, "COCO file f")


def parse_one(annotations: list[Any], labels: Any = "multilabel", **image: Any) -> CocoImage:
    """The one image of a file with these annotations of it (category 1 or 2)."""
    document = {
        "images": [{"id": 5, "file_name": "a.png", **image}],
        "annotations": [{"image_id": 5, "category_id": 1, **annotation} for annotation in annotations],
        "categories": [{"id": 2, "name": "b"}, {"id": 1, "name": "z"}],
    }
    return parse(document, labels).images[0]


def test_a_file() -> None:
    found = parse(coco_document())
    assert found.label_names == ("cat", "zebra", "dog")
    assert [image.label for image in found.images] == [["cat", "zebra"], ["dog"], [], None, ["cat"]]
    assert [image.reason for image in found.images] == [None, None, None, "bad_annotation", None]
    assert found.num_stray == 0
    table = to_table(found, "multilabel")
    assert table.num_rows == 5
    assert table.column("objects").to_pylist()[0] == found.images[0].objects


def test_one_label_or_none_or_many() -> None:
    assert parse_one([{}, {}], "multiclass").label == "z"
    assert parse_one([], "multiclass").reason == "no_label"
    many = parse_one([{}, {"category_id": 2}], "multiclass")
    assert (many.label, many.reason, many.detail) == (None, "many_labels", "the image has 2 categories: b, z")
    assert parse_one([{}, {"category_id": 2}]).label == ["b", "z"]
    assert parse_one([]).label == []


@pytest.mark.parametrize(
    ("annotation", "polygons"),
    [
        ({}, []),
        ({"segmentation": []}, []),
        ({"segmentation": None}, []),
        ({"segmentation": [[0, 0, 1, 1, 2, 0.5]]}, [[0, 0, 1, 1, 2, 0.5]]),
        ({"segmentation": [0, 0, 1, 1]}, [[0, 0, 1, 1]]),
        ({"segmentation": [[0, 0], [1, 1]]}, [[0, 0], [1, 1]]),
        ({"segmentation": {"counts": "abc", "size": [1, 2]}}, []),
    ],
)
def test_polygons(annotation: dict[str, Any], polygons: list[list[float]]) -> None:
    (found,) = parse_one([annotation]).objects
    assert found["polygons"] == polygons
    given = annotation.get("segmentation")
    assert (json.loads(found["rle"]) if found["rle"] else None) == (given if isinstance(given, dict) else None)


@pytest.mark.parametrize(
    ("annotation", "detail"),
    [
        ({"category_id": 3}, "unknown category 3"),
        ({"category_id": "1"}, "unknown category '1'"),
        ({"category_id": True}, "unknown category True"),
        ({"bbox": [1, 2, 3]}, "bbox must be"),
        ({"bbox": {"x": 1}}, "bbox must be"),
        ({"bbox": [1, 2, "3", 4]}, 'bbox has "3", which is no number'),
        ({"bbox": [1, 2, 3, None]}, "bbox has null"),
        ({"bbox": [1, 2, -3, 4]}, "negative side"),
        ({"bbox": [1, 2, float("nan"), 4]}, "not finite"),
        ({"bbox": [1, 2, 10**400, 4]}, "not finite"),
        ({"area": "big"}, "area has"),
        ({"segmentation": "x"}, "no list of polygons"),
        ({"segmentation": [[0, 0, 1]]}, "no list of x, y pairs"),
        ({"segmentation": [[0, "a"]]}, "segmentation has"),
        ({"segmentation": [[0, 0], 3]}, "no list of x, y pairs"),
    ],
)
def test_broken_annotations_reject_their_image(annotation: dict[str, Any], detail: str) -> None:
    found = parse_one([{}, annotation])
    assert (found.reason, found.label, found.objects, found.file_name) == ("bad_annotation", None, [], "a.png")
    assert detail in str(found.detail)


def test_broken_images() -> None:
    document = coco_document()
    document["images"] += [{"id": 3, "file_name": "again.png"}, {"id": 8}, {"file_name": "x.png"}, "text", {"id": [1]}]
    document["images"].append({"id": 9, "file_name": "half \ud800.png"})
    images = parse(document).images
    assert len(images) == len(document["images"])
    assert [(image.file_name, image.reason) for image in images] == [
        ("a.png", None),
        ("sub/b.png", None),
        ("c.png", "bad_annotation"),
        ("d.png", "bad_annotation"),
        ("gone.png", None),
        ("again.png", "bad_annotation"),
        (None, None),
        ("x.png", "bad_annotation"),
        (None, "bad_annotation"),
        (None, "bad_annotation"),
        ("half ?.png", None),
    ]
    assert to_table(parse(document), "multilabel").num_rows == len(images)


def test_annotations_of_no_image() -> None:
    document = coco_document()
    document["annotations"].append({"id": 9, "image_id": 77, "category_id": 1})
    assert parse(document).num_stray == 1
    for annotation in document["annotations"]:
        annotation["image_id"] = str(annotation["image_id"])
    with pytest.raises(DataError, match="none of its 7 annotations belongs to one of its 5 images"):
        parse(document)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is no JSON"),
        (b"\xff\xfe\xff", "is no JSON"),
        ("[" * 100_000, "is no JSON"),
        ("[]", "no list of images and annotations and categories"),
        ('{"images": [], "annotations": []}', "is no COCO file: it has no list of categories"),
        ('{"images": {}, "annotations": [], "categories": []}', "no list of images"),
        ('{"images": [], "annotations": [], "categories": [{"id": "1", "name": "a"}]}', "an integer `id` and a `name`"),
        ('{"images": [], "annotations": [], "categories": [{"id": 5000000000, "name": "a"}]}', "an integer `id`"),
        ('{"images": [], "annotations": [], "categories": [7]}', "an integer `id` and a `name`"),
        (
            '{"images": [], "annotations": [], "categories": [{"id": 1, "name": "a"}, {"id": 2, "name": " a"}]}',
            "category 'a' (id 2) shares",
        ),
        ('{"images": [], "annotations": [1], "categories": []}', "an annotation is no JSON object: 1"),
    ],
)
def test_files_that_are_none(text: str | bytes, message: str) -> None:
    with pytest.raises(DataError) as caught:
        parse_coco(text, "multilabel", "COCO file f")
    assert message in str(caught.value)
    assert str(caught.value).startswith("COCO file f")
