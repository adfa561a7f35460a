"""Label events say what is wrong with them, and survive as a line of JSON."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from dbx_dl.contracts import LabelBox, LabelEvent, LabelPolygon
from tests.label_events import START, make_event

SHARES = st.floats(0, 0.5)
NAMES = st.text(min_size=1, max_size=8).filter(lambda name: name == name.strip())
BOXES = st.builds(LabelBox, label=NAMES, x=SHARES, y=SHARES, width=st.floats(0.001, 0.5), height=st.floats(0.001, 0.5))
POLYGONS = st.builds(
    LabelPolygon, label=NAMES, points=st.lists(SHARES, min_size=6, max_size=12).filter(lambda p: len(p) % 2 == 0)
)
LABELS = st.one_of(
    st.fixed_dictionaries({"task": st.just("classes"), "labels": st.tuples(NAMES)}),
    st.fixed_dictionaries(
        {"task": st.just("label_sets"), "labels": st.sets(NAMES, max_size=3).map(lambda names: tuple(sorted(names)))}
    ),
    st.fixed_dictionaries({"task": st.just("boxes"), "boxes": st.lists(BOXES, max_size=3).map(tuple)}),
    st.fixed_dictionaries({"task": st.just("polygons"), "polygons": st.lists(POLYGONS, max_size=2).map(tuple)}),
    st.fixed_dictionaries({"task": st.just("text_classes"), "withdraws": NAMES}),
)


@given(
    LABELS,
    st.datetimes(datetime(1900, 1, 1), datetime(9998, 12, 31), timezones=st.just(UTC)),
    st.none() | st.floats(0, 1),
)
def test_an_event_is_one_line_of_json(label: dict[str, Any], moment: datetime, confidence: float | None) -> None:
    event = LabelEvent(
        label_id="1", item_key="k\n", annotator="ann", labelled_at=moment, confidence=confidence, **label
    )
    line = event.model_dump_json()
    assert "\n" not in line
    assert LabelEvent.model_validate_json(line) == event


def test_moments_are_in_utc() -> None:
    there = timezone(timedelta(hours=2))
    event = make_event("1", labelled_at=START.astimezone(there))
    assert event.labelled_at == START and event.labelled_at.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"labels": ()}, "exactly one label, got 0"),
        ({"labels": ("a", "b")}, "exactly one label, got 2"),
        ({"labels": (" a",)}, "blanks around it"),
        ({"labels": ("\ud800",)}, "half of a character"),
        ({"task": "label_sets", "labels": ("b", "a")}, "distinct and sorted"),
        ({"boxes": (LabelBox(label="a", x=0, y=0, width=1, height=1),)}, "in `labels`, not in `boxes`"),
        ({"withdraws": "2", "labels": ("a",)}, "that withdraws a label has no labels"),
        ({"confidence": 1.5}, "less than or equal to 1"),
        ({"labelled_at": datetime(2026, 1, 1)}, "timezone"),
        (
            {"task": "boxes", "boxes": ({"label": "a", "x": 0.5, "y": 0, "width": 0.6, "height": 1},)},
            "within the image",
        ),
        ({"task": "polygons", "polygons": ({"label": "a", "points": (0, 0, 1, 1)},)}, "three points or more"),
        ({"task": "polygons", "polygons": ({"label": "a", "points": (0, 0, 1, 1, 2, 2)},)}, "from 0 to 1"),
    ],
)
def test_what_is_wrong_is_said(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        make_event("1", **values)
