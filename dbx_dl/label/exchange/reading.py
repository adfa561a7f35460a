"""CSV, JSON-lines and COCO files as label events."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from dbx_dl.errors import DataError
from dbx_dl.label.exchange.rows import ReadEvents, require_known_columns, split_label
from dbx_dl.transforms.coco.annotations import CocoFile, CocoImage, parse_coco

if TYPE_CHECKING:
    from dbx_dl.label.exchange.rows import ImportDefaults
    from dbx_dl.label.rules import LabelRules

_COCO_LABELS: dict[str, Any] = {
    "classes": "multiclass",
    "label_sets": "multilabel",
    "boxes": "boxes",
    "polygons": "polygons",
}
_ANY_NUMBER = 10**9


def read_csv_labels(text: str, what: str, defaults: ImportDefaults, rules: LabelRules) -> ReadEvents:
    """Rows with `item_key`, `label` (see `split_label`), and any of `LabelEvent`'s other columns.

    Empty cells say nothing. DataError when a column is missing or unknown.
    """
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    found = ReadEvents()
    # Polygons are long; the module's limit is for all readers of this process, so it is put back.
    limit = csv.field_size_limit(max(len(text), csv.field_size_limit()))
    try:
        columns = reader.fieldnames or []
        require_known_columns(columns, what)
        for name in ("item_key", "label"):
            if name not in columns:
                raise DataError(f"{what} has no column {name!r}: it needs item_key and label")
        for row in reader:
            _add_csv_row(found, f"line {reader.line_num}", row, defaults, rules)
    except csv.Error as error:
        raise DataError(f"{what}, line {reader.line_num}: {error}") from None
    finally:
        csv.field_size_limit(limit)
    return found


def _add_csv_row(
    found: ReadEvents, place: str, row: dict[str | None, Any], defaults: ImportDefaults, rules: LabelRules
) -> None:
    if None in row or None in row.values():
        found.problems.append(f"{place}: it has another number of values than the header")
        return
    values = {name: text for name, text in row.items() if name is not None and name != "label" and text != ""}
    try:
        if "withdraws" not in values:
            values |= split_label(row["label"], values.get("task", defaults.task))
    except (ValueError, RecursionError) as error:
        found.problems.append(f"{place}: label {row['label'][:60]!r} is no JSON: {error}")
        return
    found.add(place, values, defaults, rules)


def read_json_labels(text: str, _: str, defaults: ImportDefaults, rules: LabelRules) -> ReadEvents:
    """A JSON object a line with any of `LabelEvent`'s values; `label` is short for `labels` with one class."""
    found = ReadEvents()
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        place = f"line {number}"
        try:
            values = json.loads(line)
        except (ValueError, RecursionError) as error:
            found.problems.append(f"{place}: no JSON: {error}")
            continue
        if not isinstance(values, dict):
            found.problems.append(f"{place}: no JSON object")
            continue
        if "label" in values:
            label = values.pop("label")
            values["labels"] = [label] if isinstance(label, str) else label
        found.add(place, values, defaults, rules)
    return found


def read_coco_labels(text: str, what: str, defaults: ImportDefaults, rules: LabelRules) -> ReadEvents:
    """One label of every image, whose key is its `file_name`, from all its annotations.

    An image without annotations has no class, which is no label, and else none of the labels or objects. What hangs
    over an image's edge is cut off, crowds are left out. DataError when it is no COCO file, or the task is of texts.
    """
    labels = _COCO_LABELS.get(defaults.task)
    if labels is None:
        raise DataError(f"{what}: COCO files are of images, and the task is {defaults.task}")
    coco: CocoFile = parse_coco(text, labels, what, _ANY_NUMBER)
    found = ReadEvents()
    if coco.num_left_out:
        found.losses.append(f"{coco.num_left_out} objects of {what}, or parts of them, give no shape and are left out")
    if coco.num_stray:
        found.problems.append(f"{coco.num_stray} annotations belong to none of its images")
    for number, image in enumerate(coco.images, start=1):
        place = f"image {number} ({image.file_name})"
        if image.reason == "no_label":
            continue
        if image.reason is not None:
            found.problems.append(f"{place}: {image.detail}")
            continue
        found.add(place, {"item_key": image.file_name, **_read_coco_label(image, defaults)}, defaults, rules)
    return found


def _read_coco_label(image: CocoImage, defaults: ImportDefaults) -> dict[str, Any]:
    if defaults.task == "polygons":
        return {
            "polygons": [
                {**one, "points": [min(max(p, 0.0), 1.0) for p in one["points"]]} for one in image.shapes or ()
            ]
        }
    if defaults.task == "boxes":
        return {"boxes": image.shapes or []}
    return {"labels": [image.label] if isinstance(image.label, str) else image.label or []}


READERS: dict[str, Callable[[str, str, ImportDefaults, LabelRules], ReadEvents]] = {
    "csv": read_csv_labels,
    "json": read_json_labels,
    "coco": read_coco_labels,
}
