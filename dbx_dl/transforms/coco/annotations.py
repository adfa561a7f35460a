"""COCO JSON as Python values: its categories, and one row per image with its labels and objects."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from dbx_dl.errors import DataError
from dbx_dl.transforms.coco.shapes import BadAnnotationError, place_boxes, place_polygons

Labels = Literal["multiclass", "multilabel", "boxes", "polygons"]
ImageId = int | str


@dataclass(frozen=True)
class CocoImage:
    """One image: file name as written, label (a name, or sorted names), objects, and what is wrong with it.

    `shapes` are those of `place_boxes` or `place_polygons`, for the labels `boxes` and `polygons` alone; `num_left_out`
    objects, or polygons of them, are none of these.
    """

    file_name: str | None
    label: str | list[str] | None
    objects: list[dict[str, Any]]
    reason: str | None = None
    detail: str | None = None
    shapes: list[dict[str, Any]] | None = None
    num_left_out: int = 0


@dataclass(frozen=True)
class CocoFile:
    """`label_names` by category id; `images` in the order of the file; annotations that belong to no image."""

    label_names: tuple[str, ...]
    images: tuple[CocoImage, ...]
    num_stray: int

    @property
    def num_left_out(self) -> int:
        """Objects, or polygons of them, of usable images that give no shape."""
        return sum(image.num_left_out for image in self.images)


def parse_coco(text: bytes | str, labels: Labels, what: str, max_boxes: int = 0) -> CocoFile:
    """Read a COCO file; DataError when it is none, or when its categories or all its annotations are ambiguous.

    What is wrong with one image is told in its row: `bad_annotation` (an unknown category, a box that is none, an id
    that another image has too; for `boxes` and `polygons` what `coco.shapes` refuses), `many_labels` and `no_label` for
    `multiclass`.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{what} is no JSON: {error}") from None
    images, annotations, categories = _sections_of(document, what)
    names = read_categories(categories, what)
    by_image = _group(annotations, what)
    ids = [_id_of(image) for image in images]
    known = set(ids) - {None}
    num_stray = sum(len(found) for image_id, found in by_image.items() if image_id not in known)
    if annotations and num_stray == len(annotations):
        raise DataError(f"{what}: none of its {num_stray} annotations belongs to one of its {len(images)} images")
    repeated = _find_repeated(ids)
    rows = tuple(_read_image(image, by_image, names, labels, repeated, max_boxes) for image in images)
    return CocoFile(tuple(names[key] for key in sorted(names)), rows, num_stray)


def read_categories(categories: list[Any], what: str) -> dict[int, str]:
    """Names by id; DataError unless both are there and distinct."""
    names: dict[int, str] = {}
    for category in categories:
        category_id, name = _category_of(category, "id"), _text_of(category, "name")
        if category_id is None or name is None:
            raise DataError(f"{what}: a category needs an integer `id` and a `name`, got {json.dumps(category)[:80]}")
        if category_id in names or name in names.values():
            raise DataError(f"{what}: category {name!r} (id {category_id}) shares its id or name with another")
        names[category_id] = name
    return names


def read_object(annotation: dict[str, Any], names: dict[int, str]) -> dict[str, Any]:
    """An annotation as one value of the column `objects`; BadAnnotationError when it is broken.

    Boxes are in pixels from the top left; without a box its four numbers are null.
    """
    category_id = _category_of(annotation, "category_id")
    if category_id is None or category_id not in names:
        raise BadAnnotationError(f"unknown category {annotation.get('category_id')!r}")
    box = _read_box(annotation.get("bbox"))
    area = annotation.get("area")
    polygons, rle = _read_segmentation(annotation.get("segmentation"))
    return {
        "label": names[category_id],
        "category_id": category_id,
        **dict(zip(("x", "y", "width", "height"), box, strict=True)),
        "area": None if area is None else _read_number(area, "area"),
        "is_crowd": bool(annotation.get("iscrowd")),
        "polygons": polygons,
        "rle": rle,
    }


def _sections_of(document: Any, what: str) -> tuple[list[Any], list[Any], list[Any]]:
    names = ("images", "annotations", "categories")
    missing = [name for name in names if not isinstance(document, dict) or not isinstance(document.get(name), list)]
    if missing:
        raise DataError(f"{what} is no COCO file: it has no list of {' and '.join(missing)}")
    return document["images"], document["annotations"], document["categories"]


def _group(annotations: Iterable[Any], what: str) -> dict[ImageId | None, list[dict[str, Any]]]:
    by_image: dict[ImageId | None, list[dict[str, Any]]] = defaultdict(list)
    for annotation in annotations:
        if not isinstance(annotation, dict):
            raise DataError(f"{what}: an annotation is no JSON object: {json.dumps(annotation)[:80]}")
        by_image[_id_of(annotation, "image_id")].append(annotation)
    return by_image


def _read_image(
    image: Any,
    by_image: dict[ImageId | None, list[dict[str, Any]]],
    names: dict[int, str],
    labels: Labels,
    repeated: set[ImageId],
    max_boxes: int,
) -> CocoImage:
    file_name = _text_of(image, "file_name")
    image_id = _id_of(image)
    if image_id is None or image_id in repeated:
        problem = "the image has no id" if image_id is None else f"several images have the id {image_id}"
        return CocoImage(file_name, None, [], "bad_annotation", problem)
    try:
        objects = [read_object(annotation, names) for annotation in by_image.get(image_id, [])]
        shapes = _place_shapes(image, objects, labels, max_boxes)
    except BadAnnotationError as error:
        return CocoImage(file_name, None, [], "bad_annotation", str(error))
    if shapes is not None:
        num_parts = sum(len(one["polygons"]) or 1 for one in objects) if labels == "polygons" else len(objects)
        names_found = sorted({one["label"] for one in shapes})
        return CocoImage(file_name, names_found, objects, shapes=shapes, num_left_out=num_parts - len(shapes))
    return _label_image(file_name, objects, labels)


def _place_shapes(
    image: dict[str, Any], objects: list[dict[str, Any]], labels: Labels, max_boxes: int
) -> list[dict[str, Any]] | None:
    if labels == "boxes":
        return place_boxes(image, objects, max_boxes)
    return place_polygons(image, objects) if labels == "polygons" else None


def _label_image(file_name: str | None, objects: list[dict[str, Any]], labels: Labels) -> CocoImage:
    found = sorted({one["label"] for one in objects})
    if labels == "multilabel":
        return CocoImage(file_name, found, objects)
    if not found:
        return CocoImage(file_name, None, objects, "no_label", "the image has no annotation")
    if len(found) > 1:
        shown = ", ".join(found[:5]) + (", …" if len(found) > 5 else "")
        return CocoImage(file_name, None, objects, "many_labels", f"the image has {len(found)} categories: {shown}")
    return CocoImage(file_name, found[0], objects)


def _read_box(box: Any) -> list[float | None]:
    if box is None or box == []:
        return [None] * 4
    if not isinstance(box, list) or len(box) != 4:
        raise BadAnnotationError(f"bbox must be [x, y, width, height], got {json.dumps(box)[:80]}")
    x, y, width, height = (_read_number(value, "bbox") for value in box)
    if width < 0 or height < 0:
        raise BadAnnotationError(f"bbox has a negative side: {json.dumps(box)[:80]}")
    return [x, y, width, height]


def _read_segmentation(value: Any) -> tuple[list[list[float]], str | None]:
    """Polygons as lists of x, y, x, y, …, and a run-length encoding as JSON text."""
    if value is None or value == []:
        return [], None
    if isinstance(value, dict):
        return [], json.dumps(value, separators=(",", ":"))
    if not isinstance(value, list):
        raise BadAnnotationError(f"segmentation is no list of polygons: {json.dumps(value)[:80]}")
    return list(_read_polygons(value if isinstance(value[0], list) else [value])), None


def _read_polygons(polygons: list[Any]) -> Iterator[list[float]]:
    for polygon in polygons:
        if not isinstance(polygon, list) or len(polygon) % 2:
            raise BadAnnotationError(f"a polygon is no list of x, y pairs: {json.dumps(polygon)[:80]}")
        yield [_read_number(value, "segmentation") for value in polygon]


def _read_number(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadAnnotationError(f"{name} has {json.dumps(value)[:80]}, which is no number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise BadAnnotationError(f"{name} has a number that is not finite")
    return number


def _id_of(image: Any, name: str = "id") -> ImageId | None:
    found = image.get(name) if isinstance(image, dict) else None
    return found if isinstance(found, int | str) and not isinstance(found, bool) else None


def _category_of(value: Any, name: str) -> int | None:
    found = _id_of(value, name)
    return found if isinstance(found, int) and abs(found) < 2**31 else None


def _text_of(value: Any, name: str) -> str | None:
    """A text without blanks around it, and without halves of characters, which JSON can hold and UTF-8 can not."""
    found = value.get(name) if isinstance(value, dict) else None
    text = found.encode("utf-8", "replace").decode("utf-8").strip() if isinstance(found, str) else ""
    return text or None


def _find_repeated(ids: list[ImageId | None]) -> set[ImageId]:
    seen: set[ImageId] = set()
    repeated: set[ImageId] = set()
    for one in ids:
        if one is not None:
            (repeated if one in seen else seen).add(one)
    return repeated
