"""One label for an item of what several annotators say: by majority, or each trusted as far as all items tell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from dbx_dl.label.agreed_rows import ItemFacts, agree_on_parts, find_facts, judge_items, to_rows
from dbx_dl.label.events import to_events
from dbx_dl.label.ratings import ClassRatings
from dbx_dl.label.shape_consensus import agree_on_shapes
from dbx_dl.metrics.consensus import Consensus, vote, weigh_annotators

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

    from dbx_dl.config.label import ResolveConfig
    from dbx_dl.contracts import LabelEvent, LabelTask


def resolve_majority(
    spark: SparkSession, labels: DataFrame, task: LabelTask, resolve: ResolveConfig
) -> tuple[DataFrame, Counter[str]]:
    """Of latest labels by item and annotator the columns of `to_rows`; and what is left out."""
    if task == "label_sets":
        found, reasons = agree_on_sets(to_events(labels.collect()), resolve)
    elif task in ("boxes", "polygons"):
        found, reasons = agree_on_shapes(to_events(labels.collect()), task, resolve)
    else:
        found, reasons = agree_on_classes(*_collect(labels), resolve)
    return spark.createDataFrame(found), reasons


def resolve_trusted(
    spark: SparkSession, labels: DataFrame, task: LabelTask, resolve: ResolveConfig
) -> tuple[DataFrame, Counter[str]]:
    """The same by `weigh_annotators`."""
    if task not in ("classes", "text_classes"):
        raise ValueError(f"the config refuses {task} here")
    found, reasons = agree_on_classes(*_collect(labels), resolve, is_trusted=True)
    return spark.createDataFrame(found), reasons


def _collect(labels: DataFrame) -> tuple[ClassRatings, dict[str, ItemFacts]]:
    """Ratings, and facts about items by key."""
    columns = ("item_key", "annotator", "labels[0] AS label", "source", "labelled_at")
    found = labels.selectExpr(*columns).toArrow().to_pydict()
    rows = zip(found["item_key"], found["annotator"], found["label"], strict=True)
    return ClassRatings.of(rows), find_facts(zip(found["item_key"], found["source"], found["labelled_at"], strict=True))


def agree_on_classes(
    ratings: ClassRatings, facts: Mapping[str, ItemFacts], resolve: ResolveConfig, *, is_trusted: bool = False
) -> tuple[pa.Table, Counter[str]]:
    """One class of each item, by majority, or each annotator trusted as far as all items tell; what is left out.

    DataError where there are too many items by classes for the driver (`ClassRatings.require_room`).
    """
    import pyarrow as pa

    ratings.require_room(is_trusted=is_trusted)
    sizes = len(ratings.item_keys), len(ratings.class_names)
    found: Consensus
    if is_trusted and ratings.class_names:
        found = weigh_annotators(ratings.items, ratings.annotators, ratings.classes, *sizes)
    else:
        found = vote(ratings.items, ratings.classes, *sizes)
    num_annotators = np.bincount(ratings.items, minlength=sizes[0])
    is_kept, reasons = judge_items(num_annotators, found.confidences_n, found.is_tied_n, resolve)
    places = np.flatnonzero(is_kept).tolist()
    keys = [ratings.item_keys[place] for place in places]
    labels = [ratings.class_names[found.classes_n[place]] for place in places]
    confidences, numbers = found.confidences_n[is_kept], num_annotators[is_kept]
    return to_rows(keys, pa.array(labels, pa.string()), confidences, numbers, facts), reasons


def agree_on_sets(events: Sequence[LabelEvent], resolve: ResolveConfig) -> tuple[pa.Table, Counter[str]]:
    """The labels of each item that more than half of its annotators give; what is left out.

    The confidence is the least of all its labels'. Half of the annotators is a tie, in which `ties: frequent` leaves
    the label out.
    """
    import pyarrow as pa

    return agree_on_parts(events, resolve, _share_labels, pa.list_(pa.string()))


def _share_labels(events: Sequence[LabelEvent]) -> list[tuple[str, float]]:
    counts = Counter(label for event in events for label in event.labels)
    return [(label, counts[label] / len(events)) for label in sorted(counts)]
