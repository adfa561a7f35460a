"""Files of labels come back as they went out, and bad rows are told with their numbers."""

from __future__ import annotations

import csv
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbx_dl.contracts import LabelBox, LabelEvent, LabelPolygon, LabelTask
from dbx_dl.errors import DataError
from dbx_dl.label.exchange.exporting import WRITERS, write_coco_labels, write_csv_labels
from dbx_dl.label.exchange.importing import choose_format, guess_format
from dbx_dl.label.exchange.reading import READERS, read_coco_labels, read_csv_labels, read_json_labels
from dbx_dl.label.exchange.rows import ImportDefaults, ReadEvents
from dbx_dl.label.rules import LabelRules
from tests.label_events import START, make_event

NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"], exclude_characters="|"), min_size=1, max_size=5)
SHARES = st.floats(0, 0.5)
BOXES = st.builds(LabelBox, label=NAMES, x=SHARES, y=SHARES, width=st.floats(0.01, 0.5), height=st.floats(0.01, 0.5))
POLYGONS = st.builds(LabelPolygon, label=NAMES, points=st.tuples(*[SHARES] * 8))
VALUES: dict[LabelTask, st.SearchStrategy[dict[str, Any]]] = {
    "classes": st.builds(lambda name: {"labels": (name,)}, NAMES),
    "text_classes": st.builds(lambda name: {"labels": (name,)}, NAMES),
    "label_sets": st.sets(NAMES, max_size=3).map(lambda names: {"labels": tuple(sorted(names))}),
    "boxes": st.lists(BOXES, max_size=3).map(lambda boxes: {"boxes": tuple(boxes)}),
    "polygons": st.lists(POLYGONS, max_size=2).map(lambda polygons: {"polygons": tuple(polygons)}),
}


@st.composite
def projects(draw: st.DrawFn) -> tuple[LabelTask, list[LabelEvent]]:
    task: LabelTask = draw(st.sampled_from(list(VALUES)))
    labels = draw(st.lists(VALUES[task], min_size=1, max_size=4))
    events = [
        make_event(
            f"id {number}",
            f'folder/{number}, "ü".png',
            task=task,
            minutes=number,
            confidence=draw(st.none() | st.floats(0, 1)),
            was_suggested=draw(st.booleans()),
            batch_id=draw(st.none() | st.just("b")),
            **label,
        )
        for number, label in enumerate(labels)
    ]
    return task, events


def defaults(task: LabelTask = "classes", annotator: str | None = "ann") -> ImportDefaults:
    return ImportDefaults(task=task, annotator=annotator, labelled_at=START, batch_id="file")


def read(kind: str, text: str, task: LabelTask = "classes", rules: LabelRules | None = None) -> ReadEvents:
    return READERS[kind](text, "file", defaults(task), rules or LabelRules(task))


def test_long_outlines_come_back_from_csv() -> None:
    points = tuple(float(number % 97) / 97 for number in range(20_000))
    event = make_event("1", task="polygons", polygons=(LabelPolygon(label="cat", points=points),))
    before = csv.field_size_limit()
    found = read("csv", write_csv_labels([event]), "polygons")
    assert (found.problems, found.events) == ([], [event]) and csv.field_size_limit() == before


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+05:00", "9999-12-31T23:00:00-05:00", "1500-01-01T00:00:00Z"])
def test_moments_that_cannot_be_kept_are_told(moment: str) -> None:
    line = json.dumps({"item_key": "a", "label": "cat", "labelled_at": moment})
    found = read("json", line)
    assert found.events == [] and "line 1: labelled_at: " in found.problems[0] and "the year" in found.problems[0]


def test_deeply_nested_json_is_told() -> None:
    deep = "[" * 100_000
    found = read("json", f'{{"item_key": "a", "label": {deep}')
    assert found.events == [] and found.problems[0].startswith("line 1: no JSON")
    found = read("csv", f"item_key,label\na,{deep}", "boxes")
    assert found.events == [] and found.problems[0].startswith("line 2: label")


def test_a_class_that_is_no_more_is_told_with_its_number() -> None:
    events = [make_event("1", "a", "cat"), make_event("2", "b", "cow"), make_event("3", "c", "cow")]
    with pytest.raises(DataError, match=r"label\.classes does not have any more: 'cow' \(2\)"):
        write_coco_labels(events, ("cat", "dog"), {})


@given(projects(), st.sampled_from(["csv", "json"]))
def test_rows_come_back_as_they_were(project: tuple[LabelTask, list[LabelEvent]], kind: Any) -> None:
    task, events = project
    found = read(kind, WRITERS[kind](events, (), {}), task)
    assert (found.problems, found.events) == ([], events)


@given(projects())
def test_coco_files_hold_the_same_labels(project: tuple[LabelTask, list[LabelEvent]]) -> None:
    task, events = project
    sizes = {event.item_key: (640, 480) for event in events}
    text = write_coco_labels(events, (), sizes)
    if task == "text_classes":
        with pytest.raises(DataError, match="COCO files are of images"):
            read("coco", text, task)
        return
    found = read("coco", text, task)
    assert found.problems == []
    assert [event.item_key for event in found.events] == [event.item_key for event in events]
    for one, other in zip(found.events, events, strict=True):
        assert (one.labels, one.names) == (other.labels, other.names)
        assert [list(box.model_dump().values())[1:] for box in one.boxes] == [
            pytest.approx(list(box.model_dump().values())[1:], abs=1e-12) for box in other.boxes
        ]
        assert [polygon.points for polygon in one.polygons] == [
            pytest.approx(polygon.points, abs=1e-12) for polygon in other.polygons
        ]


def test_what_a_row_does_not_say_is_filled_in_the_same_way_each_time() -> None:
    text = "item_key,label\na.png,cat\nb.png,dog\n"
    first, again = read("csv", text), read("csv", text)
    assert first.events == again.events
    assert {(event.annotator, event.labelled_at, event.batch_id) for event in first.events} == {("ann", START, "file")}
    assert len({event.label_id for event in first.events}) == 2
    as_json = read("json", '{"item_key": "a.png", "label": "cat"}\n\n{"item_key": "b.png", "labels": ["dog"]}')
    assert as_json.events == first.events
    sets = read("csv", "item_key,label\na.png,dog|cat\nb.png,\n", "label_sets")
    assert [event.labels for event in sets.events] == [("cat", "dog"), ()]


def test_bad_rows_are_told_with_their_numbers_and_all_at_once() -> None:
    rules = LabelRules("classes", ("cat", "dog"))
    text = "item_key,label,confidence\na.png,cat,0.5\nb.png,cow,\n,dog,\nc.png,dog,2\nd.png\na.png,dog,\ne.png,,\n"
    found = read_csv_labels(text, "labels.csv", defaults(), rules)
    expected = (
        "line 3: label 'cow' is none of the classes",
        "line 4: item_key",
        "line 5: confidence: Input should be less than or equal to 1",
        "line 6: it has another number of values",
        "line 7: ann labels 'a.png' in line 2 too, and no time says which holds",
        "line 8: labels.0",
    )
    assert len(found.problems) == len(expected)
    assert all(problem.startswith(start) for problem, start in zip(found.problems, expected, strict=True))
    with pytest.raises(DataError, match=r"labels.csv has 6 bad rows, nothing is imported: line 3.*; and 1 more"):
        found.require_sound("labels.csv")
    lines = read_json_labels('{"item_key": "a", "label": "cat"}\n{oops\n[1]\n{"item_key": "b"}', "", defaults(), rules)
    assert [problem.partition(":")[0] for problem in lines.problems] == ["line 2", "line 3", "line 4"]
    nobody = read_csv_labels("item_key,label\na,cat\n", "", defaults(annotator=None), rules)
    assert nobody.problems == ["line 2: annotator: Field required"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("item_key,lable\n", r"column 'lable', which labels do not have; did you mean 'label'\?"),
        ("item_key\n", "no column 'label'"),
        ("", "no column 'item_key'"),
        ('item_key,label\n"a,b\n', "unexpected end of data"),
    ],
)
def test_files_that_are_no_csv_of_labels(text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read("csv", text)


def test_coco_files_of_other_tools() -> None:
    images = [{"id": n, "file_name": f"{n}.png", "width": 100, "height": 50} for n in (1, 2, 3)]
    box = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [50, 0, 100, 50]}
    document = {
        "images": images,
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": [box, {**box, "image_id": 2}],
    }
    found = read_coco_labels(json.dumps(document), "", defaults("boxes"), LabelRules())
    assert [event.item_key for event in found.events] == ["1.png", "2.png", "3.png"]
    assert found.events[0].boxes == (LabelBox(label="cat", x=0.5, y=0, width=0.5, height=1),)
    assert found.events[2].boxes == ()
    assert [event.labels for event in read("coco", json.dumps(document)).events] == [("cat",), ("cat",)]
    broken = {**document, "annotations": [box, {**box, "image_id": 2, "category_id": 7}, {**box, "image_id": 9}]}
    problems = read("coco", json.dumps(broken), "boxes").problems
    assert "annotations belong to none" in problems[0] and problems[1].startswith("image 2 (2.png): unknown category")


def test_what_cannot_be_written_is_said() -> None:
    outline = LabelPolygon(label="cat", points=(0.0, 0.0, 1.0, 0.0, 1.0, 1.0))
    event = make_event("1", task="polygons", polygons=(outline,))
    with pytest.raises(DataError, match=r"width and height of 'a.png' are unknown"):
        write_coco_labels([event], (), {})
    (annotation,) = json.loads(write_coco_labels([event], (), {"a.png": (10, 20)}))["annotations"]
    assert (annotation["area"], annotation["bbox"]) == (100, [0, 0, 10, 20])
    with pytest.raises(DataError, match="export JSON lines"):
        write_csv_labels([make_event("1", task="label_sets", labels=("a|b",))])
    assert (guess_format("x.CSV"), guess_format("x.json"), guess_format("x.jsonl")) == ("csv", "coco", "json")
    with pytest.raises(DataError, match="its ending says no format"):
        guess_format("labels.txt")
    assert (choose_format("x.csv", None), choose_format("x.csv", "json")) == ("csv", "json")
    with pytest.raises(DataError, match="there is no format 'xml'; name one of csv, json, coco"):
        choose_format("x.csv", "xml")  # type: ignore[arg-type]
