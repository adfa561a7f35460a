"""How far people agree on sets of labels and on shapes."""

from __future__ import annotations

import pytest

from dbx_dl.contracts import LabelBox, LabelPolygon
from dbx_dl.errors import DataError
from dbx_dl.label.agreement import compare_sets, compare_shapes
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
    with pytest.raises(DataError, match=r"no item has labels of two annotators \(task label_sets\)"):
        compare_sets(events[-1:], "labels")


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
