"""Labels that come from a table of their own, beside the items that they are of."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dbx_dl.config.section import Section


class LabelsSource(Section):
    """A Delta table of labels by key, such as `label.resolve` writes: the items that it names are prepared, no others.

    Of every item it has one row, with the item's key in `key_column`, for files the path relative to the source, and in
    `label_column` a text or an array of texts. With `shapes` that is an array of `boxes` or `polygons` as
    `label.resolve` writes them; `cell` and `max_boxes` are then as a COCO source has them. An item that loses its
    label leaves the prepared table. Where the table has a column `source`, as `label.resolve` writes it, items that a
    `rule` or a `model` labelled are in the train split, whatever `split` says (also its `group` and `time`, which is
    told): no model is graded on its own answers.
    """

    table: str = Field(min_length=1)
    key_column: str = "key"
    label_column: str = "label"
    shapes: Literal["boxes", "polygons"] | None = None
    cell: int = Field(default=8, gt=0)
    max_boxes: int = Field(default=32, gt=0)
