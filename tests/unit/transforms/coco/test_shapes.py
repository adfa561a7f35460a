"""Boxes of COCO annotations in shares of the image, and which images cannot be learned from."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from dbx_dl.prepare.images.sources.coco import to_table
from dbx_dl.transforms.coco.annotations import CocoFile, parse_coco


def parse(annotations: list[Any], max_boxes: int = 4, **image: Any) -> CocoFile:
    """A file of one image of 20x10 pixels with these annotations (of category 1 or 2)."""
    document = {
        "images": [{"id": 5, "file_name": "a.png", "width": 20, "height": 10, **image}],
        "annotations": [{"image_id": 5, "category_id": 1, **annotation} for annotation in annotations],
        "categories": [{"id": 2, "name": "b"}, {"id": 1, "name": "z"}],
    }
    return parse_coco(json.dumps(document), "boxes", "COCO file f", max_boxes)


def test_boxes_are_shares_of_the_image_and_end_at_its_edge() -> None:
    found = parse([{"bbox": [2, 5, 10, 2.5]}, {"bbox": [15, -5, 10, 10], "category_id": 2}])
    assert found.images[0].shapes == [
        {"label": "z", "x": 0.1, "y": 0.5, "width": 0.5, "height": 0.25},
        {"label": "b", "x": 0.75, "y": 0.0, "width": 0.25, "height": 0.5},
    ]
    assert (found.images[0].label, found.num_left_out) == (["b", "z"], 0)
    table = to_table(found, "boxes")
    assert table.column("label_boxes").to_pylist() == [found.images[0].shapes]


def test_crowds_and_boxes_without_area_are_left_out_and_counted() -> None:
    found = parse(
        [{"bbox": [0, 0, 1, 1], "iscrowd": 1}, {"bbox": [2, 2, 0, 5]}, {"bbox": [20, 0, 5, 5]}, {"iscrowd": 1}]
    )
    image = found.images[0]
    assert (image.shapes, image.label, image.reason, found.num_left_out) == ([], [], None, 4)
    assert len(image.objects) == 4


@pytest.mark.parametrize(
    ("annotations", "image", "detail"),
    [
        ([{"bbox": []}], {}, "an object of 'z' has no bbox"),
        ([{"bbox": [0, 0, 1, 1]}], {"width": None}, r"width and height must be numbers of pixels, got \[None, 10\]"),
        ([{"bbox": [0, 0, 1, 1]}], {"height": 0}, r"must be numbers of pixels, got \[20, 0\]"),
        ([{"bbox": [0, 0, 1, 1]}] * 5, {}, r"the image has 5 boxes, more than source.max_boxes = 4"),
    ],
)
def test_images_that_cannot_be_learned_from_are_rejected(annotations: list[Any], image: Any, detail: str) -> None:
    found = parse(annotations, **image).images[0]
    assert (found.reason, found.shapes) == ("bad_annotation", None)
    assert found.detail is not None
    assert re.search(detail, found.detail)


TRIANGLE = [0, 0, 20, 0, 10, 5]


def parse_polygons(annotations: list[Any]) -> CocoFile:
    document = {
        "images": [{"id": 5, "file_name": "a.png", "width": 20, "height": 10}],
        "annotations": [{"image_id": 5, "category_id": 1, **annotation} for annotation in annotations],
        "categories": [{"id": 2, "name": "b"}, {"id": 1, "name": "z"}],
    }
    return parse_coco(json.dumps(document), "polygons", "COCO file f")


def test_polygons_are_shares_of_the_image() -> None:
    found = parse_polygons(
        [
            {"segmentation": [TRIANGLE, [0, 0, 1, 1]]},
            {"segmentation": {"counts": [1, 2], "size": [10, 20]}, "iscrowd": 1},
            {"segmentation": [TRIANGLE], "category_id": 2},
        ]
    )
    shares = [0.0, 0.0, 1.0, 0.0, 0.5, 0.5]
    assert found.images[0].shapes == [{"label": "z", "points": shares}, {"label": "b", "points": shares}]
    assert (found.images[0].label, found.num_left_out) == (["b", "z"], 2)
    assert to_table(found, "polygons").column("label_polygons").to_pylist() == [found.images[0].shapes]


@pytest.mark.parametrize(
    ("annotation", "detail"),
    [
        ({}, "an object of 'z' has no polygon"),
        ({"segmentation": {"counts": [1], "size": [1, 1]}}, "an object of 'z' has run lengths and no polygon"),
    ],
)
def test_objects_without_polygons_reject_their_image(annotation: Any, detail: str) -> None:
    found = parse_polygons([{"segmentation": [TRIANGLE]}, annotation]).images[0]
    assert (found.reason, found.detail, found.shapes) == ("bad_annotation", detail, None)
