"""Label events from the rows of files, and what is wrong with these rows."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from dbx_dl.contracts import LabelEvent, LabelTask
from dbx_dl.errors import DataError
from dbx_dl.label.rules import LabelRules, explain
from dbx_dl.runtime.tables import suggest_name

SEPARATOR = "|"
FIELDS = tuple(LabelEvent.model_fields)
_SHAPES = ("boxes", "polygons")
_NUM_SHOWN = 5


@dataclass(frozen=True)
class ImportDefaults:
    """What rows get that do not say it: who labelled, when, the task, and the batch by which all can be withdrawn."""

    task: LabelTask
    annotator: str | None
    labelled_at: datetime
    batch_id: str


@dataclass
class ReadEvents:
    """Events of a file so far, sentences about rows that are none, and about what is lost of others."""

    events: list[LabelEvent] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    losses: list[str] = field(default_factory=list)
    _places: dict[tuple[str, str], str] = field(default_factory=dict)

    def add(self, place: str, values: Mapping[str, Any], defaults: ImportDefaults, rules: LabelRules) -> None:
        """Take in the row at `place`, whose values are those of `LabelEvent` that it says."""
        has_time = values.get("labelled_at") is not None
        try:
            event = _make_event(values, defaults)
        except ValidationError as error:
            self.problems.append(f"{place}: {explain(error)}")
            return
        problem = rules.find_problem(event)
        if problem is None and not has_time and event.withdraws is None:
            earlier = self._places.setdefault((event.item_key, event.annotator), place)
            if earlier != place:
                problem = f"{event.annotator} labels {event.item_key!r} in {earlier} too, and no time says which holds"
        if problem is not None:
            self.problems.append(f"{place}: {problem}")
            return
        self.events.append(event)

    def require_sound(self, what: str) -> None:
        """DataError, with the first problems, unless every row is an event; so nothing is imported by halves."""
        if self.problems:
            more = f"; and {len(self.problems) - _NUM_SHOWN} more" if len(self.problems) > _NUM_SHOWN else ""
            shown = "; ".join(self.problems[:_NUM_SHOWN])
            raise DataError(f"{what} has {len(self.problems)} bad rows, nothing is imported: {shown}{more}")


def require_known_columns(columns: Iterable[str], what: str) -> None:
    """DataError for a column that is none of an event's, nor `label`."""
    valid = ("item_key", "label", *(name for name in FIELDS if name not in ("item_key", "labels", *_SHAPES)))
    for name in columns:
        if name not in valid:
            raise DataError(f"{what} has a column {name!r}, which labels do not have; {suggest_name(name, valid)}")


def split_label(text: str, task: LabelTask) -> dict[str, Any]:
    """A label that is written in one text: a class; classes with `|` between them; JSON for boxes and polygons.

    ValueError where it is none, RecursionError where its JSON is nested too deeply.
    """
    if task in ("classes", "text_classes"):
        return {"labels": (text,)}
    if task == "label_sets":
        names = {name.strip() for name in text.split(SEPARATOR)} if text.strip() else set()
        return {"labels": tuple(sorted(names))}
    found = json.loads(text or "[]")
    if not isinstance(found, list):
        raise ValueError(f"{task} are a JSON list")
    return {task: tuple(found)}


def join_label(event: LabelEvent) -> str:
    """The text that `split_label` splits; DataError where a class has the separator in its name."""
    if event.task in _SHAPES:
        shapes: Sequence[Any] = event.boxes if event.task == "boxes" else event.polygons
        return json.dumps([shape.model_dump(mode="json") for shape in shapes]) if event.withdraws is None else ""
    if event.task == "label_sets" and any(SEPARATOR in name for name in event.labels):
        raise DataError(f"label of {event.item_key!r} has a {SEPARATOR!r} in a class: export JSON lines instead of CSV")
    return SEPARATOR.join(event.labels)


def _make_event(values: Mapping[str, Any], defaults: ImportDefaults) -> LabelEvent:
    said = {name: value for name, value in values.items() if value is not None}
    filled = {"task": defaults.task, "labelled_at": defaults.labelled_at, **said}
    if "annotator" not in filled and defaults.annotator is not None:
        filled["annotator"] = defaults.annotator
    if isinstance(filled.get("labels"), list) and all(isinstance(name, str) for name in filled["labels"]):
        filled["labels"] = tuple(sorted(set(filled["labels"])))
    if "label_id" not in filled:
        filled = {"batch_id": defaults.batch_id, **filled}
        # The same row of the same file has the same id, so that a second import adds nothing.
        named = {name: value for name, value in filled.items() if name != "labelled_at" or name in said}
        filled["label_id"] = str(uuid.uuid5(uuid.NAMESPACE_OID, json.dumps(named, sort_keys=True, default=str)))
    return LabelEvent.model_validate(filled)
