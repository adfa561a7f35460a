"""The boxes and polygons that most annotators drew, and what is left out and why."""

from __future__ import annotations

from typing import Any

import pytest

from dbx_dl.config import ResolveConfig
from dbx_dl.contracts import LabelBox, LabelEvent, LabelPolygon
from dbx_dl.label.shape_consensus import agree_on_shapes
from tests.label_events import make_event

MAJORITY = ResolveConfig(table="r", method="majority")


def box(x: float, label: str = "cat", width: float = 0.2) -> LabelBox:
    return LabelBox(label=label, x=x, y=0.1, width=width, height=0.5)


def draw(key: str, **drawn: tuple[LabelBox, ...]) -> list[LabelEvent]:
    return [
        make_event(f"{key} {name}", key, task="boxes", boxes=boxes, annotator=name) for name, boxes in drawn.items()
    ]


def by_key(found: Any) -> dict[str, Any]:
    return {row["key"]: row for row in found.to_pylist()}


def test_boxes_that_most_drew_are_kept_in_their_middle() -> None:
    events = [
        *draw("a", ann=(box(0.10), box(0.6)), ben=(box(0.12),), zoe=(box(0.6, "dog"), box(0.11))),
        *draw("empty", ann=(), ben=(), zoe=(box(0.5),)),
        *draw("alone", ann=(box(0.3), box(0.7))),
    ]
    found, reasons = agree_on_shapes(events[::-1], "boxes", MAJORITY)
    rows = by_key(found)
    (kept,) = rows["a"]["label"]
    assert kept == {"label": "cat", "x": 0.11, "y": 0.1, "width": pytest.approx(0.2), "height": pytest.approx(0.5)}
    # A third drew each of the two other boxes.
    assert rows["a"]["confidence"] == pytest.approx(2 / 3) and rows["a"]["num_annotators"] == 3
    assert (rows["empty"]["label"], rows["empty"]["source"]) == ([], "human")
    assert [each["x"] for each in rows["alone"]["label"]] == [0.3, 0.7] and rows["alone"]["confidence"] == 1.0
    assert reasons == {}


def test_what_half_drew_is_a_tie_and_confidence_and_numbers_count() -> None:
    events = [*draw("half", ann=(box(0.1), box(0.6)), ben=(box(0.1),)), *draw("far", ann=(box(0.1),), ben=(box(0.2),))]
    found, reasons = agree_on_shapes(events, "boxes", MAJORITY)
    assert (found.num_rows, reasons) == (0, {"with a tie": 2})
    found, reasons = agree_on_shapes(events, "boxes", MAJORITY.model_copy(update={"ties": "frequent"}))
    assert {key: len(row["label"]) for key, row in by_key(found).items()} == {"half": 1, "far": 0} and reasons == {}
    # The same two overlap by a third.
    found, _ = agree_on_shapes(events[2:], "boxes", MAJORITY.model_copy(update={"min_overlap": 0.3}))
    assert [each["x"] for each in by_key(found)["far"]["label"]] == [pytest.approx(0.15)]
    strict = MAJORITY.model_copy(update={"ties": "frequent", "min_confidence": 0.6, "min_annotators": 2})
    found, reasons = agree_on_shapes([*events, *draw("alone", ann=(box(0.3),))], "boxes", strict)
    assert (found.num_rows, reasons) == (0, {"with too few annotators": 1, "with too little confidence": 2})


def test_of_polygons_the_one_in_the_middle_is_taken() -> None:
    outlines = [(0, 0, 1, 0, 1, height, 0, height) for height in (0.5, 0.6, 0.8)]
    events = [
        make_event(
            str(number), "a", task="polygons", annotator=f"p{number}", minutes=number,
            polygons=(LabelPolygon(label="cat", points=points),),
        )
        for number, points in enumerate(outlines)
    ]  # fmt: skip
    found, reasons = agree_on_shapes(events, "polygons", MAJORITY)
    (row,) = found.to_pylist()
    assert row["label"] == [{"label": "cat", "points": [float(number) for number in outlines[1]]}]
    assert (row["confidence"], row["labelled_at"], reasons) == (1.0, events[2].labelled_at, {})
    found, reasons = agree_on_shapes([], "polygons", MAJORITY)
    assert (found.num_rows, reasons) == (0, {}) and "points" in str(found.schema.field("label").type)
