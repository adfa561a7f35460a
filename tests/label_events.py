"""Label events for tests, with as little said as each test needs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from dbx_dl.contracts import LabelEvent

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def make_event(label_id: str, item_key: str = "a.png", label: str | None = "cat", **values: Any) -> LabelEvent:
    """An event of the task `classes`, `minutes` after START; without a label where it withdraws one."""
    minutes = values.pop("minutes", 0)
    given = {"task": "classes", "annotator": "ann", "labelled_at": START + timedelta(minutes=minutes), **values}
    if "withdraws" not in given and "labels" not in given and label is not None and given["task"] == "classes":
        given["labels"] = (label,)
    return LabelEvent.model_validate({"label_id": label_id, "item_key": item_key, **given})
