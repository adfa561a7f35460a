"""One label of an item of what several annotators drew: the shapes that most of them have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from dbx_dl.label.agreed_rows import agree_on_parts
from dbx_dl.label.events import arrow_types
from dbx_dl.metrics.shape_agreement import overlap_boxes, overlap_polygons
from dbx_dl.metrics.shape_consensus import find_middle, group_shapes, join_boxes

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from dbx_dl.config.label import ResolveConfig
    from dbx_dl.contracts import LabelBox, LabelEvent, LabelPolygon, LabelTask
    from dbx_dl.label.agreed_rows import Shared

    Shape = LabelBox | LabelPolygon


def agree_on_shapes(
    events: Sequence[LabelEvent], task: LabelTask, resolve: ResolveConfig
) -> tuple[pa.Table, Counter[str]]:
    """The shapes of each item that more than half of its annotators drew; what is left out.

    Shapes go together as `group_shapes` has it. Of a group of boxes the median of each side is taken, of polygons the
    one that overlaps the others most. An item around which most drew nothing has no shapes.
    """
    return agree_on_parts(events, resolve, partial(_share_shapes, min_overlap=resolve.min_overlap), arrow_types()[task])


def _share_shapes(events: Sequence[LabelEvent], min_overlap: float) -> list[Shared]:
    """A shape that stands for each group of one item's, and the share of the annotators who drew one of these."""
    is_box = events[0].task == "boxes"
    lists: list[Sequence[Shape]] = [event.boxes if is_box else event.polygons for event in events]
    owners = [owner for owner, shapes in enumerate(lists) for _ in shapes]
    drawn = [shape for shapes in lists for shape in shapes]
    if not drawn:
        return []
    names = [shape.label for shape in drawn]
    overlaps = _overlap(drawn, owners, names, is_box=is_box)
    groups = group_shapes(overlaps, owners, names, min_overlap)
    return [(_join(drawn, group, overlaps, is_box=is_box), len(group) / len(events)) for group in groups]


def _overlap(drawn: Sequence[Any], owners: Sequence[int], names: Sequence[str], *, is_box: bool) -> NDArray[np.float64]:
    if is_box:
        sides = _list_sides(drawn)
        return overlap_boxes(sides, sides)
    outlines = [np.array(shape.points).reshape(-1, 2) for shape in drawn]
    is_same = np.array(names)[:, None] == np.array(names)[None]
    is_of_others = np.array(owners)[:, None] < np.array(owners)[None]
    found = overlap_polygons(outlines, outlines, is_same & is_of_others)
    return np.asarray(found + found.T)


def _join(drawn: Sequence[Any], group: Sequence[int], overlaps: NDArray[np.float64], *, is_box: bool) -> dict[str, Any]:
    if not is_box:
        middle: dict[str, Any] = drawn[group[find_middle(overlaps[np.ix_(group, group)])]].model_dump()
        return middle
    sides = join_boxes(_list_sides([drawn[place] for place in group])).tolist()
    return {"label": drawn[group[0]].label, **dict(zip(("x", "y", "width", "height"), sides, strict=True))}


def _list_sides(boxes: Sequence[LabelBox]) -> NDArray[np.float64]:
    return np.array([[box.x, box.y, box.width, box.height] for box in boxes], np.float64)
