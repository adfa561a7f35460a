"""How far people agree on sets of labels and on shapes."""

from __future__ import annotations

import pytest

from dbx_dl.config import ResolveConfig
from dbx_dl.contracts import LabelBox, LabelPolygon
from dbx_dl.errors import DataError
from dbx_dl.label import ratings
from dbx_dl.label.agreement import compare_sets, compare_shapes
from dbx_dl.label.consensus import agree_on_classes
from tests.label_events import make_event

LEFT = LabelBox(label="cat", x=0, y=0, width=0.5, height=1)
RIGHT = LabelBox(label="dog", x=0.5, y=0, width=0.5, height=1)
TOP = LabelPolygon(label="cat", points=(0, 0, 1, 0, 1, 0.5, 0, 0.5))
WHOLE = LabelPolygon(label="cat", points=(0, 0, 1, 0, 1, 1, 0, 1))


def test_sets_are_compared_label_by_label() -> None:
    given = {"a": (("x", "y"), ("x",)), "b": ((), ()), "c": (("y",), None)}
    events = [
        make_event(f"{key} {person}", key, task="label_sets", labels=labels, annotator=person)
        for key, both in given.items()
        for person, labels in zip(("ann", "ben"), both, strict=True)
        if labels is not None
    ]
    found = compare_sets(events, "labels")
    (pair,) = found.pairs
    # Of items a and b the labels x and y: yes yes, yes no, no no, no no.
    assert (found.num_items, found.num_shared, pair.num_items, pair.share) == (3, 2, 4, 0.75)
    assert pair.kappa == pytest.approx((0.75 - 0.5) / 0.5) and found.accuracies == {}
    empty = [make_event(name, "a", task="label_sets", labels=(), annotator=name) for name in ("ann", "ben")]
    nothing = compare_sets(empty, "labels")
    assert [(pair.num_items, pair.share, pair.kappa) for pair in nothing.pairs] == [(1, 1.0, None)]
    assert (nothing.num_items, nothing.num_shared, nothing.fleiss_kappa) == (1, 1, None)
    with pytest.raises(DataError, match=r"no item has labels of two annotators \(task label_sets\)"):
        compare_sets(events[-1:], "labels")


def test_what_the_driver_cannot_hold_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ratings, "MAX_CELLS", 11)
    few = ratings.ClassRatings.of([("a", "ann", "x"), ("b", "ann", "y"), ("c", "ben", "z")])
    few.require_room(is_trusted=False)
    with pytest.raises(DataError, match=r"2 annotators' confusions of 3 classes make 18 numbers, more than the 11"):
        few.require_room(is_trusted=True)
    rows = [(f"i{n}", "ann", "xyz"[n % 3]) for n in range(4)]
    with pytest.raises(DataError, match="4 items by 3 classes make 12 numbers"):
        agree_on_classes(ratings.ClassRatings.of(rows), {}, ResolveConfig(table="r"))
    sets = [make_event(name, "a", task="label_sets", labels=("x", "y", "z"), annotator=name) for name in ("ann", "ben")]
    with pytest.raises(DataError, match="2 sets by 3 labels make 12 numbers"):
        compare_sets(sets, "labels")


def test_shapes_are_compared_by_overlap() -> None:
    boxes = [
        make_event("1", "a", task="boxes", boxes=(LEFT, RIGHT), annotator="ben"),
        make_event("2", "a", task="boxes", boxes=(RIGHT,), annotator="ann"),
        make_event("3", "b", task="boxes", annotator="ann"),
        make_event("4", "b", task="boxes", annotator="ben"),
        make_event("5", "c", task="boxes", boxes=(LEFT,), annotator="ann"),
    ]
    found = compare_shapes(boxes, "labels", "boxes")
    assert (found.num_items, found.num_shared, found.fleiss_kappa) == (3, 2, None)
    assert found.tabulate() == [
        ["annotator", "annotator", "items", "overlap", "Cohen's kappa"],
        ["ann", "ben", "2", "0.750", "-"],
    ]
    polygons = [
        make_event(str(number), "a", task="polygons", polygons=(outline,), annotator=str(number))
        for number, outline in enumerate((TOP, WHOLE, WHOLE))
    ]
    found = compare_shapes(polygons, "labels", "polygons")
    assert [pair.share for pair in found.pairs] == pytest.approx([0.5, 0.5, 1])
