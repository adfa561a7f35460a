"""Events that cannot join a labels table, since another one there has their id."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dbx_dl.label.events import to_events
from dbx_dl.label.table import read_events

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from dbx_dl.contracts import LabelEvent


def is_same_event(one: LabelEvent, other: LabelEvent) -> bool:
    """Whether one is the other, given once more at another moment."""
    # What tables of earlier versions do not have does not tell events apart.
    changes = {"labelled_at": other.labelled_at, "had_suggestion": other.had_suggestion}
    return one.model_copy(update=changes) == other


def find_clashes(spark: SparkSession, name: str, events: Sequence[LabelEvent]) -> list[str]:
    """A sentence about each of the events whose id another event of the table has; that one stays."""
    ids = spark.createDataFrame([(event.label_id,) for event in events], "label_id string")
    found = to_events(read_events(spark, name).join(ids, "label_id", "left_semi").collect())
    written = {event.label_id: event for event in found}
    return [
        f"event {event.label_id} of {event.annotator}, {event.item_key!r}: another event in {name} has its id"
        for event in events
        if event.label_id in written and not is_same_event(written[event.label_id], event)
    ]
