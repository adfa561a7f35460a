"""How far the annotators of a labels table agree with each other."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from dbx_dl.contracts import AnnotatorAgreement, LabelAgreement
from dbx_dl.errors import DataError
from dbx_dl.label.ratings import ClassRatings, read_class_ratings, read_ratings, require_room
from dbx_dl.metrics.agreement import compare_annotators, count_ratings, fleiss_kappa
from dbx_dl.metrics.consensus import weigh_annotators
from dbx_dl.metrics.shape_agreement import overlap_boxes, overlap_polygons, shape_agreement

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from dbx_dl.contracts import LabelEvent, LabelSource, LabelTask

_CLASS_TASKS = ("classes", "text_classes")


def measure_agreement(
    spark: SparkSession, name: str, task: LabelTask, *, sources: Sequence[LabelSource] = ("human",)
) -> LabelAgreement:
    """Compare what annotators of these `sources` say of the same items, of each of them the latest label.

    Of classes: shares of equal labels, Cohen's kappa of every two annotators, Fleiss' kappa of all, and how often each
    is right by `weigh_annotators`. Of sets of labels a label is an item: does the annotator give it? Of boxes and
    polygons: `shape_agreement`, mean over items. The driver holds all these labels. DataError where no item has labels
    of two, or there are more than MAX_CELLS items (of sets: labels of items) by classes.
    """
    if task in _CLASS_TASKS:
        ratings = read_class_ratings(spark, name, task, sources)
        ratings.require_room(is_trusted=True)
        return _compare_classes(ratings, len(ratings.item_keys), name, task, has_accuracies=True)
    events = read_ratings(spark, name, task, sources)
    return compare_sets(events, name) if task == "label_sets" else compare_shapes(events, name, task)


def _compare_classes(
    ratings: ClassRatings, num_items: int, name: str, task: LabelTask, *, has_accuracies: bool
) -> LabelAgreement:
    pairs = compare_annotators(ratings.items, ratings.annotators, ratings.classes)
    counts = count_ratings(ratings.items, ratings.classes, num_items, len(ratings.class_names))
    num_shared = int((counts.sum(axis=1) >= 2).sum())
    _require_shared(num_shared, name, task)
    accuracies: dict[str, float] = {}
    if has_accuracies:
        found = weigh_annotators(
            ratings.items, ratings.annotators, ratings.classes, num_items, len(ratings.class_names)
        )
        accuracies = dict(zip(ratings.annotator_names, found.accuracies_a.tolist(), strict=True))
    names = ratings.annotator_names
    return LabelAgreement(
        task=task,
        num_items=num_items,
        num_shared=num_shared,
        fleiss_kappa=_known(fleiss_kappa(counts)),
        accuracies=accuracies,
        pairs=tuple(
            AnnotatorAgreement(
                first=names[pair.first],
                second=names[pair.second],
                num_items=pair.num_items,
                share=pair.share,
                kappa=_known(pair.kappa),
            )
            for pair in pairs
        ),
    )


def compare_sets(events: Sequence[LabelEvent], name: str) -> LabelAgreement:
    """The agreement of annotators on sets of labels: `num_items` of a pair counts items times labels.

    Where nobody gives any label, all agree, and there is no kappa.
    """
    num_annotators = Counter(event.item_key for event in events)
    num_shared = sum(number > 1 for number in num_annotators.values())
    _require_shared(num_shared, name, "label_sets")
    ratings, num_items = _split_sets(events)
    found = _compare_classes(ratings, num_items, name, "label_sets", has_accuracies=False)
    return found.model_copy(update={"num_items": len(num_annotators), "num_shared": num_shared})


def _split_sets(events: Sequence[LabelEvent]) -> tuple[ClassRatings, int]:
    """A yes or no for every item, annotator, and label that anybody gives to any item; how many items times labels."""
    # Of sets that are all empty the same is said once an item.
    labels = sorted({label for event in events for label in event.labels}) or [""]
    keys, names = sorted({event.item_key for event in events}), sorted({event.annotator for event in events})
    require_room(2 * len(events) * len(labels), f"{len(events):,} sets by {len(labels):,} labels")
    places = [{name: place for place, name in enumerate(found)} for found in (keys, names, labels)]
    gives = np.zeros((len(events), len(labels)), np.int64)
    for row, event in enumerate(events):
        gives[row, [places[2][label] for label in event.labels]] = 1
    items = np.array([places[0][event.item_key] for event in events], np.int64)
    annotators = np.array([places[1][event.annotator] for event in events], np.int64)
    ratings = ClassRatings(
        item_keys=(),
        annotator_names=tuple(names),
        class_names=("no", "yes"),
        items=(items[:, None] * len(labels) + np.arange(len(labels))).ravel(),
        annotators=np.repeat(annotators, len(labels)),
        classes=gives.ravel(),
    )
    return ratings, len(keys) * len(labels)


def compare_shapes(events: Sequence[LabelEvent], name: str, task: LabelTask) -> LabelAgreement:
    """The agreement of annotators on boxes or polygons."""
    by_item: dict[str, list[LabelEvent]] = {}
    for event in events:
        by_item.setdefault(event.item_key, []).append(event)
    found: dict[tuple[str, str], list[float]] = {}
    for own in by_item.values():
        for first, second in combinations(sorted(own, key=lambda event: event.annotator), 2):
            found.setdefault((first.annotator, second.annotator), []).append(_compare_two(first, second))
    num_shared = sum(len(own) > 1 for own in by_item.values())
    _require_shared(num_shared, name, task)
    pairs = tuple(
        AnnotatorAgreement(first=first, second=second, num_items=len(values), share=float(np.mean(values)))
        for (first, second), values in sorted(found.items())
    )
    return LabelAgreement(task=task, num_items=len(by_item), num_shared=num_shared, pairs=pairs)


def _compare_two(first: LabelEvent, second: LabelEvent) -> float:
    if first.task == "boxes":
        sides = [np.array([[b.x, b.y, b.width, b.height] for b in event.boxes]) for event in (first, second)]
        overlaps, labels = overlap_boxes(*sides), [[box.label for box in event.boxes] for event in (first, second)]
    else:
        one, other = ([np.array(p.points).reshape(-1, 2) for p in event.polygons] for event in (first, second))
        labels = [[p.label for p in event.polygons] for event in (first, second)]
        is_same = np.array(labels[0])[:, None] == np.array(labels[1])[None]
        overlaps = overlap_polygons(one, other, is_same)
    return shape_agreement(overlaps, *labels)


def _require_shared(num_shared: int, name: str, task: LabelTask) -> None:
    if not num_shared:
        raise DataError(
            f"labels table {name}: no item has labels of two annotators (task {task}), so nothing can be compared; let "
            "two people label the same items"
        )


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
