"""One label for an item of what several annotators say: by majority, or each trusted as far as all items tell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dbx_dl.label.events import to_events
from dbx_dl.label.ratings import ClassRatings
from dbx_dl.metrics.consensus import Consensus, vote, weigh_annotators

if TYPE_CHECKING:
    from datetime import datetime

    import pyarrow as pa
    from numpy.typing import NDArray
    from pyspark.sql import DataFrame, SparkSession

    from dbx_dl.config.label import ResolveConfig
    from dbx_dl.contracts import LabelEvent, LabelTask


def resolve_majority(
    spark: SparkSession, labels: DataFrame, task: LabelTask, resolve: ResolveConfig
) -> tuple[DataFrame, Counter[str]]:
    """Of latest labels by item and annotator the columns of `_to_rows`; and what is left out."""
    if task == "label_sets":
        found, reasons = agree_on_sets(to_events(labels.collect()), resolve)
    else:
        found, reasons = agree_on_classes(*_collect(labels), resolve)
    return spark.createDataFrame(found), reasons


def resolve_trusted(
    spark: SparkSession, labels: DataFrame, task: LabelTask, resolve: ResolveConfig
) -> tuple[DataFrame, Counter[str]]:
    """The same by `weigh_annotators`."""
    if task == "label_sets":
        raise ValueError("the config refuses sets of labels here")
    found, reasons = agree_on_classes(*_collect(labels), resolve, is_trusted=True)
    return spark.createDataFrame(found), reasons


def count_reasons(*, few: int = 0, ties: int = 0, unsure: int = 0) -> Counter[str]:
    """Items that are left out, by reason."""
    found = {"with too few annotators": few, "with a tie": ties, "with too little confidence": unsure}
    return Counter({reason: num for reason, num in found.items() if num})


@dataclass(frozen=True)
class ItemFacts:
    """What all labels of an item share, their source, and when the last of them was given."""

    source: str
    labelled_at: datetime


def _collect(labels: DataFrame) -> tuple[ClassRatings, dict[str, ItemFacts]]:
    """Ratings, and facts about items by key."""
    columns = ("item_key", "annotator", "labels[0] AS label", "source", "labelled_at")
    found = labels.selectExpr(*columns).toArrow().to_pydict()
    rows = zip(found["item_key"], found["annotator"], found["label"], strict=True)
    return ClassRatings.of(rows), find_facts(zip(found["item_key"], found["source"], found["labelled_at"], strict=True))


def find_facts(rows: Iterable[tuple[str, str, datetime]]) -> dict[str, ItemFacts]:
    """Facts by key, of rows of key, source and moment."""
    found: dict[str, ItemFacts] = {}
    for key, source, moment in rows:
        if key not in found or found[key].labelled_at < moment:
            found[key] = ItemFacts(source, moment)
    return found


def agree_on_classes(
    ratings: ClassRatings, facts: Mapping[str, ItemFacts], resolve: ResolveConfig, *, is_trusted: bool = False
) -> tuple[pa.Table, Counter[str]]:
    """One class of each item, by majority, or each annotator trusted as far as all items tell; what is left out.

    DataError where there are too many items by classes for the driver (`ClassRatings.require_room`).
    """
    ratings.require_room(is_trusted=is_trusted)
    sizes = len(ratings.item_keys), len(ratings.class_names)
    found: Consensus
    if is_trusted and ratings.class_names:
        found = weigh_annotators(ratings.items, ratings.annotators, ratings.classes, *sizes)
    else:
        found = vote(ratings.items, ratings.classes, *sizes)
    num_annotators = np.bincount(ratings.items, minlength=sizes[0])
    is_kept, reasons = _judge(num_annotators, found.confidences_n, found.is_tied_n, resolve)
    places = np.flatnonzero(is_kept).tolist()
    keys = [ratings.item_keys[place] for place in places]
    labels = [ratings.class_names[found.classes_n[place]] for place in places]
    confidences, numbers = found.confidences_n[is_kept], num_annotators[is_kept]
    return _to_rows(keys, labels, confidences, numbers, facts, has_sets=False), reasons


def agree_on_sets(events: Sequence[LabelEvent], resolve: ResolveConfig) -> tuple[pa.Table, Counter[str]]:
    """The labels of each item that more than half of its annotators give; what is left out.

    The confidence is the least of all its labels'. Half of the annotators is a tie, in which `ties: frequent` leaves
    the label out.
    """
    by_item: dict[str, list[LabelEvent]] = {}
    for event in events:
        by_item.setdefault(event.item_key, []).append(event)
    keys = sorted(by_item)
    shares = [_share_labels(by_item[key]) for key in keys]
    num_annotators = np.array([len(by_item[key]) for key in keys], np.int64)
    confidences = np.array([min((max(s, 1 - s) for s in own.values()), default=1.0) for own in shares], np.float64)
    is_tied = np.array([0.5 in own.values() for own in shares], bool)
    is_kept, reasons = _judge(num_annotators, confidences, is_tied, resolve)
    places = np.flatnonzero(is_kept).tolist()
    labels = [sorted(label for label, share in shares[place].items() if share > 0.5) for place in places]
    kept = [keys[place] for place in places]
    facts = find_facts((event.item_key, event.source, event.labelled_at) for event in events)
    return _to_rows(kept, labels, confidences[is_kept], num_annotators[is_kept], facts, has_sets=True), reasons


def _share_labels(events: Sequence[LabelEvent]) -> dict[str, float]:
    counts = Counter(label for event in events for label in event.labels)
    return {label: count / len(events) for label, count in counts.items()}


def _judge(
    num_annotators: NDArray[np.int64],
    confidences: NDArray[np.float64],
    is_tied: NDArray[np.bool_],
    resolve: ResolveConfig,
) -> tuple[NDArray[np.bool_], Counter[str]]:
    """Which items are kept, and why the others are not."""
    has_few = num_annotators < resolve.min_annotators
    is_open = ~has_few & is_tied & (resolve.ties == "leave")
    is_unsure = ~has_few & ~is_open & (confidences < resolve.min_confidence)
    reasons = count_reasons(few=int(has_few.sum()), ties=int(is_open.sum()), unsure=int(is_unsure.sum()))
    return ~(has_few | is_open | is_unsure), reasons


def _to_rows(
    keys: list[str],
    labels: list[str] | list[list[str]],
    confidences: NDArray[np.float64],
    num_annotators: NDArray[np.int64],
    facts: Mapping[str, ItemFacts],
    *,
    has_sets: bool,
) -> pa.Table:
    import pyarrow as pa

    columns = {
        "key": pa.array(keys, pa.string()),
        "label": pa.array(labels, pa.list_(pa.string()) if has_sets else pa.string()),
        "confidence": pa.array(confidences, pa.float64()),
        "num_annotators": pa.array(num_annotators, pa.int64()),
        "source": pa.array([facts[key].source for key in keys], pa.string()),
        "labelled_at": pa.array([facts[key].labelled_at for key in keys], pa.timestamp("us", tz="UTC")),
    }
    return pa.table(columns)
