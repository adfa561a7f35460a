"""Labels as a file for other tools."""

from __future__ import annotations

import csv
import io
import json
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbx_dl.errors import DataError
from dbx_dl.label.events import to_events
from dbx_dl.label.exchange.importing import FileFormat, choose_format
from dbx_dl.label.exchange.rows import FIELDS, join_label
from dbx_dl.label.table import read_latest, read_standing
from dbx_dl.runtime.databricks import mount_path
from dbx_dl.runtime.tables import pin_table, quote_column, read_pinned, require_columns
from dbx_dl.runtime.whole_files import write_whole

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from dbx_dl.config.label import LabelConfig
    from dbx_dl.contracts import LabelEvent

logger = logging.getLogger(__name__)

Sizes = Mapping[str, tuple[int, int]]
_WRITTEN = ("item_key", "label", *(name for name in FIELDS if name not in ("item_key", "labels", "boxes", "polygons")))


def export_labels(
    spark: SparkSession,
    config: LabelConfig,
    path: str,
    *,
    file_format: FileFormat | None = None,
    sizes: str | None = None,
) -> int:
    """Write the labels of the project's task to a file on this machine, all or nothing; gives how many.

    CSV and JSON lines hold every label that nobody withdrew, and importing them elsewhere gives the same events. COCO
    holds the latest of each item, in pixels: `sizes` is a table with `width` and `height` by `key`, such as a prepared
    one. The driver holds all of it. DataError when there is no label, or for COCO no size of an item, or a class that
    `config.classes` lacks.
    """
    kind = choose_format(path, file_format)
    if kind == "coco":
        events = to_events(read_latest(spark, config.table, task=config.task).collect())
    else:
        events = to_events(read_standing(spark, config.table, task=config.task).collect())
    if not events:
        raise DataError(f"labels table {config.table} has no label of the task {config.task} to export")
    events = sorted(events, key=lambda event: (event.item_key, event.labelled_at, event.label_id))
    text = WRITERS[kind](events, config.classes, _read_sizes(spark, sizes) if kind == "coco" else {})
    try:
        with write_whole(Path(mount_path(path))) as partial:
            partial.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise DataError(f"label file {path} cannot be written: {error.strerror}") from None
    logger.info("exported %d labels of %s to %s", len(events), config.table, path)
    return len(events)


def write_csv_labels(events: Sequence[LabelEvent], _: Sequence[str] = (), __: Sizes | None = None) -> str:
    """What `read_csv_labels` reads."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_WRITTEN)
    for event in events:
        values = event.model_dump(mode="json") | {"label": join_label(event)}
        writer.writerow(["" if values[name] is None else values[name] for name in _WRITTEN])
    return out.getvalue()


def write_json_labels(events: Sequence[LabelEvent], _: Sequence[str] = (), __: Sizes | None = None) -> str:
    """What `read_json_labels` reads."""
    return "".join(event.model_dump_json() + "\n" for event in events)


def write_coco_labels(events: Sequence[LabelEvent], classes: Sequence[str], sizes: Sizes | None = None) -> str:
    """What `read_coco_labels` reads: images, categories from 1 on, and an annotation for every class or object."""
    names = list(classes) or sorted({name for event in events for name in event.names})
    _require_known(events, names)
    ids = {name: number for number, name in enumerate(names, start=1)}
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, event in enumerate(events, start=1):
        size = (sizes or {}).get(event.item_key)
        if size is None and event.task in ("boxes", "polygons"):
            raise DataError(
                f"the width and height of {event.item_key!r} are unknown: name a table of `sizes` that has it"
            )
        images.append(
            {
                "id": number,
                "file_name": event.item_key,
                **({} if size is None else dict(zip(("width", "height"), size, strict=True))),
            }
        )
        for found in _annotate(event, size or (1, 1)):
            own = {"id": len(annotations) + 1, "image_id": number, "category_id": ids[found.pop("label")]}
            annotations.append(own | found | {"iscrowd": 0})
    categories = [{"id": number, "name": name} for name, number in ids.items()]
    return json.dumps({"images": images, "annotations": annotations, "categories": categories})


def _require_known(events: Sequence[LabelEvent], names: Sequence[str]) -> None:
    unknown = Counter(name for event in events for name in event.names if name not in names)
    if unknown:
        shown = ", ".join(f"{name!r} ({num})" for name, num in sorted(unknown.items()))
        raise DataError(
            f"labels have classes that label.classes does not have any more: {shown}; add them there, or withdraw or "
            "replace these labels"
        )


def _annotate(event: LabelEvent, size: tuple[int, int]) -> list[dict[str, Any]]:
    """Of every class or object its label, and where it is, in pixels."""
    width, height = size
    found: list[dict[str, Any]] = [{"label": name} for name in event.labels]
    for box in event.boxes:
        sides = [box.x * width, box.y * height, box.width * width, box.height * height]
        found.append({"label": box.label, "bbox": sides, "area": sides[2] * sides[3]})
    for polygon in event.polygons:
        points = [number * size[place % 2] for place, number in enumerate(polygon.points)]
        left, top, right, bottom = min(points[::2]), min(points[1::2]), max(points[::2]), max(points[1::2])
        bbox = [left, top, right - left, bottom - top]
        found.append({"label": polygon.label, "segmentation": [points], "bbox": bbox, "area": _find_area(points)})
    return found


def _find_area(points: Sequence[float]) -> float:
    """The shoelace formula."""
    x, y = points[::2], points[1::2]
    turned = zip(x, y, [*x[1:], x[0]], [*y[1:], y[0]], strict=True)
    return abs(sum(x1 * y2 - x2 * y1 for x1, y1, x2, y2 in turned)) / 2


def _read_sizes(spark: SparkSession, name: str | None) -> Sizes:
    from pyspark.sql import functions as F

    if name is None:
        return {}
    rows = read_pinned(spark, pin_table(spark, name))
    require_columns(rows, ["key", "width", "height"], f"table {name}")
    found = rows.select(F.col(quote_column("key")).cast("string").alias("key"), "width", "height").collect()
    return {row["key"]: (row["width"], row["height"]) for row in found}


WRITERS: dict[FileFormat, Callable[[Sequence[LabelEvent], Sequence[str], Sizes | None], str]] = {
    "csv": write_csv_labels,
    "json": write_json_labels,
    "coco": write_coco_labels,
}
