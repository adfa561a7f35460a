"""Label events as rows: the columns of a labels table, and the way there and back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from dbx_dl.contracts import LabelEvent

if TYPE_CHECKING:
    import pyarrow as pa

# Boxes and polygons are as prepare's columns `label_boxes` and `label_polygons` have them.
BOXES_TYPE = "array<struct<label: string, x: double, y: double, width: double, height: double>>"
POLYGONS_TYPE = "array<struct<label: string, points: array<double>>>"
_TYPES = {
    "labels": "array<string>",
    "boxes": BOXES_TYPE,
    "polygons": POLYGONS_TYPE,
    "confidence": "double",
    "was_suggested": "boolean",
    "had_suggestion": "boolean",
    "labelled_at": "timestamp",
}
LABELS_SCHEMA = ", ".join(f"{name} {_TYPES.get(name, 'string')}" for name in LabelEvent.model_fields)
# Columns that tables of earlier versions lack.
LATER_COLUMNS = ("had_suggestion",)


def to_arrow(events: Sequence[LabelEvent]) -> pa.Table:
    """Events as a table with the columns of LABELS_SCHEMA."""
    import pyarrow as pa

    types = arrow_types()
    rows = [event.model_dump() for event in events]
    columns = {
        name: pa.array([row[name] for row in rows], types.get(name, pa.string())) for name in LabelEvent.model_fields
    }
    return pa.table(columns)


def to_events(rows: Iterable[Any]) -> list[LabelEvent]:
    """Collected rows of a labels table as events; moments of Spark's, without a zone, are the session's."""
    return [LabelEvent.model_validate(_as_values(row)) for row in rows]


def _as_values(row: Any) -> dict[str, Any]:
    values: dict[str, Any] = row.asDict(recursive=True)
    return values | {"labelled_at": values["labelled_at"].astimezone()}


def arrow_types() -> dict[str, pa.DataType]:
    """The types of the columns that are no text."""
    import pyarrow as pa

    numbers = [(name, pa.float64()) for name in ("x", "y", "width", "height")]
    return {
        "labels": pa.list_(pa.string()),
        "boxes": pa.list_(pa.struct([("label", pa.string()), *numbers])),
        "polygons": pa.list_(pa.struct([("label", pa.string()), ("points", pa.list_(pa.float64()))])),
        "confidence": pa.float64(),
        "was_suggested": pa.bool_(),
        "had_suggestion": pa.bool_(),
        "labelled_at": pa.timestamp("us", tz="UTC"),
    }
