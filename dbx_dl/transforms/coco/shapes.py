"""Where the objects of a COCO image are, in shares of its width and height, whatever size it has later."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import cycle
from typing import Any

Objects = Sequence[dict[str, Any]]
# A polygon has three points at least.
_FEWEST_NUMBERS = 6


class BadAnnotationError(ValueError):
    """An annotation that cannot be used; the message says why."""


def place_boxes(image: dict[str, Any], objects: Objects, max_boxes: int) -> list[dict[str, Any]]:
    """The boxes of an image's objects: label, and x, y (of the left upper corner), width, height from 0 to 1.

    What hangs over the image's edge is cut off; crowds, which are no single objects, and boxes without any area inside
    of the image are left out. BadAnnotationError where the image has no size, an object has no box, or there are more
    than `max_boxes`: what is not annotated would be learned as background.
    """
    sides = _read_sides(image)
    boxes = list(_cut_boxes(objects, *sides))
    if len(boxes) > max_boxes:
        raise BadAnnotationError(f"the image has {len(boxes)} boxes, more than source.max_boxes = {max_boxes}")
    return boxes


def _cut_boxes(objects: Objects, width: float, height: float) -> Iterator[dict[str, Any]]:
    for one in objects:
        if one["is_crowd"]:
            continue
        if one["x"] is None:
            raise BadAnnotationError(f"an object of {one['label']!r} has no bbox")
        left, right = _cut(one["x"], one["width"], width)
        top, bottom = _cut(one["y"], one["height"], height)
        if right > left and bottom > top:
            yield {"label": one["label"], "x": left, "y": top, "width": right - left, "height": bottom - top}


def _cut(start: float, size: float, side: float) -> tuple[float, float]:
    """Both ends in shares of the side, within 0 and 1."""
    first, last = (min(max(end / side, 0.0), 1.0) for end in (start, start + size))
    return first, last


def _read_sides(image: dict[str, Any]) -> tuple[float, float]:
    found = [image.get(name) for name in ("width", "height")]
    sides = [float(s) for s in found if isinstance(s, int | float) and not isinstance(s, bool) and 0 < s < 2**31]
    if len(sides) < len(found):
        raise BadAnnotationError(f"the image's width and height must be numbers of pixels, got {found}")
    return sides[0], sides[1]


def place_polygons(image: dict[str, Any], objects: Objects) -> list[dict[str, Any]]:
    """The polygons of an image's objects, in their order: label, and points x, y, x, y, … from 0 to 1.

    Crowds, and polygons with fewer than three points, are left out. BadAnnotationError where the image has no size, or
    an object no polygon: run lengths are not read.
    """
    sides = _read_sides(image)
    return list(_share_polygons(objects, *sides))


def _share_polygons(objects: Objects, width: float, height: float) -> Iterator[dict[str, Any]]:
    for one in objects:
        if one["is_crowd"]:
            continue
        if not one["polygons"]:
            what = "run lengths and no polygon" if one["rle"] else "no polygon"
            raise BadAnnotationError(f"an object of {one['label']!r} has {what}")
        for points in one["polygons"]:
            if len(points) >= _FEWEST_NUMBERS:
                shares = [value / side for value, side in zip(points, cycle((width, height)), strict=False)]
                yield {"label": one["label"], "points": shares}
