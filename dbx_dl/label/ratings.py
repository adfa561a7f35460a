"""The labels of several annotators as numbers: whose item, by whom, which class."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dbx_dl.errors import DataError
from dbx_dl.label.events import to_events
from dbx_dl.label.table import read_latest

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pyspark.sql import SparkSession

    from dbx_dl.contracts import LabelEvent, LabelSource, LabelTask

    Indices = NDArray[np.int64]


# Numbers of the largest array that the driver makes of ratings: 400 MB.
MAX_CELLS = 50_000_000


def require_room(num_cells: int, what: str) -> None:
    """DataError where an array of so many numbers is more than the driver should hold; `what` says of what."""
    if num_cells > MAX_CELLS:
        raise DataError(
            f"{what} make {num_cells:,} numbers, more than the {MAX_CELLS:,} that the driver holds at once: compare "
            "fewer items or classes at a time, or let resolve.method be latest"
        )


@dataclass(frozen=True)
class ClassRatings:
    """M ratings of one class each, as positions in the sorted names of items, annotators and classes."""

    item_keys: tuple[str, ...]
    annotator_names: tuple[str, ...]
    class_names: tuple[str, ...]
    items: Indices
    annotators: Indices
    classes: Indices

    @classmethod
    def of(cls, rows: Iterable[tuple[str, str, str]]) -> ClassRatings:
        """Ratings of rows of item, annotator and class, sorted, so that their order does not matter."""
        columns = [list(column) for column in zip(*sorted(rows), strict=True)] or [[], [], []]
        names = [sorted(set(column)) for column in columns]
        places = [{name: place for place, name in enumerate(found)} for found in names]
        indices = [
            np.array([place[name] for name in column], np.int64) for column, place in zip(columns, places, strict=True)
        ]
        return cls(tuple(names[0]), tuple(names[1]), tuple(names[2]), indices[0], indices[1], indices[2])

    def require_room(self, *, is_trusted: bool) -> None:
        """DataError where there are more items by classes, or with `is_trusted` confusions, than MAX_CELLS."""
        num_items, num_classes = len(self.item_keys), len(self.class_names)
        require_room(num_items * num_classes, f"{num_items:,} items by {num_classes:,} classes")
        if is_trusted:
            num = len(self.annotator_names)
            require_room(num * num_classes**2, f"{num:,} annotators' confusions of {num_classes:,} classes")


def read_class_ratings(spark: SparkSession, name: str, task: LabelTask, sources: Sequence[LabelSource]) -> ClassRatings:
    """The latest class that each annotator of these `sources` gives each item."""
    labels = read_latest(spark, name, by="annotator", task=task, sources=sources)
    found = labels.selectExpr("item_key", "annotator", "labels[0] AS label").toArrow()
    return ClassRatings.of(zip(*(found.column(column).to_pylist() for column in found.column_names), strict=True))


def read_ratings(spark: SparkSession, name: str, task: LabelTask, sources: Sequence[LabelSource]) -> list[LabelEvent]:
    """The latest label of each item by each annotator of these `sources`, by item and annotator."""
    events = to_events(read_latest(spark, name, by="annotator", task=task, sources=sources).collect())
    return sorted(events, key=lambda event: (event.item_key, event.annotator))
