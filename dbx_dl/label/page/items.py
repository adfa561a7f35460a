"""What a page shows: items in the order in which they are given out, with what a model suggests for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from pydantic import ValidationError

from dbx_dl.contracts import LabelBox, LabelPolygon, LabelTask

Shape = TypeVar("Shape", LabelBox, LabelPolygon)


@dataclass(frozen=True)
class Suggestion:
    """What a model says of an item: labels, boxes or polygons, each with its probability, or None where it has none."""

    labels: tuple[tuple[str, float | None], ...] = ()
    boxes: tuple[tuple[LabelBox, float | None], ...] = ()
    polygons: tuple[tuple[LabelPolygon, float | None], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.labels or self.boxes or self.polygons)

    def as_json(self) -> dict[str, Any] | None:
        """The suggestion as the page gets it."""
        if not self:
            return None
        shapes = [("boxes", self.boxes), ("polygons", self.polygons)]
        named = [{"label": label, "probability": probability} for label, probability in self.labels]
        placed = {
            name: [{**shape.model_dump(mode="json"), "probability": probability} for shape, probability in values]
            for name, values in shapes
        }
        return {"labels": named, **placed}


@dataclass(frozen=True)
class PageItem:
    """An item: its key, what is suggested, and who labelled it before this page was served."""

    key: str
    suggestion: Suggestion = Suggestion()
    annotators: frozenset[str] = frozenset()


class Items(Protocol):
    """The items of a page, by position."""

    def list_items(self) -> Sequence[PageItem]:
        """All of them, in the order in which they are given out."""

    def read_content(self, position: int) -> bytes | None:
        """The bytes of an image, or of a text in UTF-8; None where there are none any more."""

    def close(self) -> None:
        """Let go of what holds the contents."""


def read_suggestion(task: LabelTask, value: Any, probability: float | None, classes: Sequence[str]) -> Suggestion:
    """What a table's row suggests, in any form that scored tables have it in.

    A label, a struct of label and probability, or lists of these; boxes (`x`, `y`, `width`, `height`) and polygons
    (`points`) are structs too. What is not one of `classes`, or no shape of the task, is left out: nobody could confirm
    it.
    """
    entries = value if isinstance(value, list | tuple) else [] if value is None else [value]
    rows = [_as_mapping(entry) for entry in entries]
    known = [row for row in rows if row.get("label") in classes]
    if task == "boxes":
        return Suggestion(boxes=tuple(_read_shapes(LabelBox, known)))
    if task == "polygons":
        return Suggestion(polygons=tuple(_read_shapes(LabelPolygon, known)))
    found = [(row["label"], _as_probability(row.get("probability", probability))) for row in known]
    best = dict(reversed(found))
    named = tuple((label, best[label]) for label in dict.fromkeys(label for label, _ in found))
    return Suggestion(labels=named if task == "label_sets" else named[:1])


def _as_mapping(entry: Any) -> Mapping[str, Any]:
    if isinstance(entry, Mapping):
        return entry
    return {} if entry is None else {"label": str(entry)}


def _read_shapes(kind: type[Shape], rows: Sequence[Mapping[str, Any]]) -> list[tuple[Shape, float | None]]:
    found = []
    for row in rows:
        try:
            shape = kind.model_validate({name: row[name] for name in kind.model_fields if name in row})
        except ValidationError:
            continue
        found.append((shape, _as_probability(row.get("probability"))))
    return found


def _as_probability(value: Any) -> float | None:
    """A number from 0 to 1; what models give beyond that by rounding is cut."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not -1e-3 <= value <= 1 + 1e-3:
        return None
    return min(max(float(value), 0.0), 1.0)
