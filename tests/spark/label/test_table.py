"""The labels table: once each, latest wins, withdrawn as if never said; and the inbox that fills it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dbx_dl.config import LabelConfig
from dbx_dl.contracts import LabelBox, LabelPolygon
from dbx_dl.errors import DataError
from dbx_dl.label.events import to_arrow, to_events
from dbx_dl.label.exchange.importing import import_labels
from dbx_dl.label.inbox import ingest_labels
from dbx_dl.label.rules import LabelRules
from dbx_dl.label.table import append_labels, create_labels_table, read_events, read_latest, withdraw_labels
from tests.label_events import make_event

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def latest(spark: SparkSession, name: str, **how: object) -> dict[tuple[str, ...], str]:
    keys = ("item_key", "annotator") if how.get("by") == "annotator" else ("item_key",)
    rows = read_latest(spark, name, **how).collect()  # type: ignore[arg-type]
    return {tuple(row[key] for key in keys): row["labels"][0] for row in rows}


def test_events_come_back_as_they_were_and_once(spark: SparkSession, tmp_path: Path) -> None:
    name = str(tmp_path / "labels")
    box = LabelBox(label="cat", x=0.1, y=0.2, width=0.3, height=0.4)
    outline = LabelPolygon(label="dog", points=(0.0, 0.0, 1.0, 0.0, 1.0, 1.0))
    events = [
        make_event("1", confidence=0.25, source="model", annotator="models:/cats/1", batch_id="b"),
        make_event("2", task="boxes", boxes=(box,), was_suggested=True),
        make_event("3", task="polygons", polygons=(outline,)),
        make_event("4", task="label_sets", labels=()),
        make_event("5", withdraws="1"),
    ]
    first = append_labels(spark, name, events)
    again = append_labels(spark, name, [*events, make_event("6", "ü/'b`.png")])
    assert (first.num_new, first.num_known, again.num_new, again.num_known) == (5, 0, 1, 5)
    found = sorted(to_events(read_events(spark, name).collect()), key=lambda event: event.label_id)
    assert found == [*events, make_event("6", "ü/'b`.png")]
    assert append_labels(spark, name, []).num_new == 0
    with pytest.raises(DataError, match="two different label events have the id 7"):
        append_labels(spark, name, [make_event("7"), make_event("7", label="dog")])
    spark.range(3).write.format("delta").save(str(tmp_path / "other"))
    with pytest.raises(DataError, match="other is no labels table: column label_id is absent"):
        append_labels(spark, str(tmp_path / "other"), events)


def test_a_table_of_an_earlier_version_is_read_and_gets_what_it_lacks(spark: SparkSession, tmp_path: Path) -> None:
    name = str(tmp_path / "labels")
    old, new = make_event("1", "a"), make_event("2", "b", had_suggestion=True)
    older = spark.createDataFrame(to_arrow([old])).drop("had_suggestion")
    older.write.format("delta").save(name)
    assert to_events(read_events(spark, name).collect()) == [old]
    assert append_labels(spark, name, [old, new]).num_new == 1
    assert sorted(to_events(read_events(spark, name).collect()), key=lambda event: event.label_id) == [old, new]
    assert to_events(read_events(spark, name, version=0).collect()) == [old]


def test_the_latest_label_holds_until_it_is_withdrawn(spark: SparkSession, tmp_path: Path) -> None:
    name = str(tmp_path / "labels")
    events = [
        make_event("1", "a", "cat"),
        make_event("2", "a", "dog", minutes=1, annotator="ben"),
        make_event("3", "b", "cat", annotator="zed", source="model"),
        make_event("4", "b", "dog", annotator="rule", source="rule"),
        make_event("5", "c", "cat"),
        make_event("6", "c", "dog"),
        make_event("7", "d", "cat", source="model", annotator="m", batch_id="p1"),
        make_event("8", "d", "dog", source="model", annotator="m", batch_id="p2", minutes=2),
        make_event("9", "e", "cat"),
        make_event("w", "e", withdraws="9", minutes=1),
    ]
    append_labels(spark, name, events)
    assert latest(spark, name) == {("a",): "dog", ("b",): "dog", ("c",): "dog", ("d",): "dog"}
    by_annotator = latest(spark, name, by="annotator", sources=["human"])
    assert by_annotator == {("a", "ann"): "cat", ("a", "ben"): "dog", ("c", "ann"): "dog"}
    version = append_labels(spark, name, []).table.version
    assert withdraw_labels(spark, name, annotator="ann", batch_id="p2").num_new == 1
    assert withdraw_labels(spark, name, annotator="ben", batch_id="p2").num_new == 0
    assert withdraw_labels(spark, name, annotator="ann", label_ids=["6", "6"]).num_new == 1
    assert latest(spark, name) == {("a",): "dog", ("b",): "dog", ("c",): "cat", ("d",): "cat"}
    assert latest(spark, name, version=version)["d",] == "dog"
    assert read_events(spark, name).count() == len(events) + 2
    with pytest.raises(DataError, match=r"has no batch 'p3': it has 'p1', 'p2'"):
        withdraw_labels(spark, name, annotator="ann", batch_id="p3")
    with pytest.raises(DataError, match=r"has no label nope \(1 ids are unknown\)"):
        withdraw_labels(spark, name, annotator="ann", label_ids=["1", "nope"])


def test_an_inbox_is_taken_in_once_whatever_happens(spark: SparkSession, tmp_path: Path) -> None:
    name, inbox = str(tmp_path / "labels"), tmp_path / "inbox"
    with pytest.raises(DataError, match=r"inbox .* does not exist"):
        ingest_labels(spark, str(inbox), name)
    inbox.mkdir()
    lines = [make_event(str(number)).model_dump_json() + "\n" for number in range(6)]
    ann, ben = inbox / "ann-0.jsonl", inbox / "ben-0.jsonl"
    ann.write_text("".join(lines[:2]) + lines[2][:20])
    ben.write_text(lines[3] + "{broken\n" + make_event("x", label="cow").model_dump_json() + "\n")
    rules = LabelRules("classes", ("cat", "dog"))
    first = ingest_labels(spark, str(inbox), name, rules)
    assert (first.num_new, first.num_refused) == (3, 2)
    assert "ben-0.jsonl" in first.problems[0] and "'cow' is none of the classes" in first.problems[1]
    ann.write_text("".join(lines[:3]))
    ben.write_text(ben.read_text() + lines[0] + lines[4])
    second = ingest_labels(spark, str(inbox), name, rules)
    assert (second.num_new, second.num_known, second.num_refused) == (2, 1, 0)
    again = ingest_labels(spark, str(inbox), name, reread=True)
    assert (again.num_new, again.num_known, again.num_refused) == (1, 6, 1)
    clash = make_event("0", label="dog")
    ben.write_text(
        ben.read_text() + clash.model_dump_json() + "\n" + make_event("0", minutes=1).model_dump_json() + "\n"
    )
    clashing = ingest_labels(spark, str(inbox), name, rules)
    assert (clashing.num_new, clashing.num_known, clashing.num_refused) == (0, 0, 2)
    (inbox / "zoe.jsonl").write_text(clash.model_dump_json() + "\n")
    alone = ingest_labels(spark, str(inbox), name, rules)
    assert (alone.num_refused, alone.problems) == (1, (f"event 0 of ann, 'a.png': another event in {name} has its id",))
    (inbox / "zoe.jsonl").unlink()
    changed = tmp_path / "changed.jsonl"
    changed.write_text(clash.model_dump_json() + "\n" + make_event("new").model_dump_json() + "\n")
    with pytest.raises(DataError, match=r"1 of 2 labels are others than .* nothing is imported: event 0 of ann"):
        import_labels(spark, LabelConfig(table=name, task="classes"), str(changed))
    assert read_events(spark, name).where("label_id IN ('0', 'new')").count() == 1
    anew = ingest_labels(spark, str(inbox), str(tmp_path / "anew"))
    assert anew.num_new == 6


def test_writers_at_once_write_each_event_once(spark: SparkSession, tmp_path: Path) -> None:
    name = str(tmp_path / "labels")
    create_labels_table(spark, name)
    parts = [[make_event(str(number)) for number in range(start, start + 6)] for start in (0, 3, 0)]
    with ThreadPoolExecutor(3) as pool:
        written = list(pool.map(lambda events: append_labels(spark, name, events).num_new, parts))
    assert sum(written) == 9
    assert read_events(spark, name).count() == 9
