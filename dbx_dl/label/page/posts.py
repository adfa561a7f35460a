"""What the page posts becomes label events: checked against the task, the classes and the page's items."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any

from pydantic import ValidationError

from dbx_dl.contracts import LabelEvent, LabelTask
from dbx_dl.label.page.exchange import RefusedError

MAX_NAME_LENGTH = 64
_LABEL_KEYS = ("labels", "boxes", "polygons")


def read_annotator(posted: Mapping[str, Any]) -> str:
    """The person's name; RefusedError where there is none that can be kept."""
    name = posted.get("annotator")
    if not isinstance(name, str) or not name.strip():
        raise RefusedError(HTTPStatus.UNPROCESSABLE_ENTITY, "who labels? Give a name")
    name = " ".join(name.split())
    if len(name) > MAX_NAME_LENGTH or not name.isprintable():
        detail = f"a name has at most {MAX_NAME_LENGTH} characters, all of them printable"
        raise RefusedError(HTTPStatus.UNPROCESSABLE_ENTITY, detail)
    return name


def read_label(posted: Mapping[str, Any], task: LabelTask, classes: Collection[str], moment: datetime) -> LabelEvent:
    """The label that a page posts; RefusedError says what is wrong with it."""
    event = _build(posted, task, moment, {key: posted[key] for key in _LABEL_KEYS if key in posted})
    unknown = [name for name in event.names if name not in classes]
    if unknown:
        raise RefusedError(HTTPStatus.UNPROCESSABLE_ENTITY, f"{unknown[0]!r} is not one of the classes any more")
    return event


def read_withdrawal(posted: Mapping[str, Any], task: LabelTask, moment: datetime) -> LabelEvent:
    """The event that takes a label back; RefusedError says what is wrong with it."""
    if not isinstance(posted.get("withdraws"), str):
        raise RefusedError(HTTPStatus.UNPROCESSABLE_ENTITY, "which label is taken back? `withdraws` must be its id")
    return _build(posted, task, moment, {"withdraws": posted["withdraws"]})


def is_same_event(one: LabelEvent, other: LabelEvent) -> bool:
    """Whether one is the other, sent once more."""
    return one.model_copy(update={"labelled_at": other.labelled_at}) == other


def _build(posted: Mapping[str, Any], task: LabelTask, moment: datetime, label: Mapping[str, Any]) -> LabelEvent:
    values = {
        "label_id": _read_id(posted.get("label_id")),
        "item_key": posted.get("item_key"),
        "annotator": read_annotator(posted),
        "was_suggested": posted.get("was_suggested", False),
        "had_suggestion": posted.get("had_suggestion"),
        "task": task,
        "labelled_at": moment,
    }
    try:
        return LabelEvent.model_validate({**values, **label})
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        detail = f"{place}: {first['msg']}" if place else first["msg"]
        raise RefusedError(HTTPStatus.UNPROCESSABLE_ENTITY, detail) from None


def _read_id(value: Any) -> str:
    try:
        return str(uuid.UUID(value))
    except (ValueError, TypeError, AttributeError):
        raise RefusedError(HTTPStatus.UNPROCESSABLE_ENTITY, "`label_id` must be a UUID") from None
