"""From predictions to a queue, from the labels of several people to one of each item, and on into prepared tables."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest

from dbx_dl.config import LabelConfig, LabelsSource, PrepareTableConfig, QueueConfig, ResolveConfig
from dbx_dl.contracts import LabelBox
from dbx_dl.errors import DataError
from dbx_dl.label.agreement import measure_agreement
from dbx_dl.label.queue.queueing import queue_items
from dbx_dl.label.queue.uncertainty import measure_uncertainty
from dbx_dl.label.resolve import resolve_labels
from dbx_dl.label.table import append_labels, withdraw_labels
from dbx_dl.prepare.tabular.prepare import prepare_table
from dbx_dl.runtime.source_columns import TRAIN_COLUMN
from dbx_dl.runtime.tables import pin_table, read_pinned
from tests.label_events import make_event

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from dbx_dl.contracts import TableVersion

NUM = 40


def probabilities() -> np.ndarray:
    return np.random.default_rng(5).dirichlet([0.5, 0.5, 0.5], NUM).astype(np.float32)


def keys() -> list[str]:
    return [f"item {number:02d}" for number in range(NUM)]


@pytest.fixture(scope="module")
def scores(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Predictions of 40 items, one of them an error, one written twice."""
    p = probabilities()
    rows = pa.table(
        {
            "key": [*keys(), "bad", keys()[0]],
            "probabilities": pa.array([*p.tolist(), None, [1.0, 0.0, 0.0]], pa.list_(pa.float32())),
            "embedding": pa.array([*p.tolist(), None, [1.0, 0.0, 0.0]], pa.list_(pa.float32())),
            "error": pa.array([None] * NUM + ["not an image", None]),
            "scored_at": pa.array([2] * NUM + [2, 1], pa.timestamp("us", tz="UTC")),
        }
    )
    name = str(tmp_path_factory.mktemp("scores") / "scores")
    spark.createDataFrame(rows).write.format("delta").save(name)
    return name


def read(spark: SparkSession, table: TableVersion, order: str) -> list[dict[str, Any]]:
    return [row.asDict(recursive=True) for row in read_pinned(spark, table).orderBy(order).collect()]


def test_a_queue_takes_the_least_sure_ones_and_nothing_twice(
    spark: SparkSession, tmp_path: Path, scores: str, caplog: pytest.LogCaptureFixture
) -> None:
    labels, queue = str(tmp_path / "labels"), str(tmp_path / "queue")
    config = LabelConfig(table=labels, task="classes", classes=("a", "b", "c"))
    worth = measure_uncertainty(probabilities(), "margin")
    order = [keys()[place] for place in np.argsort(-worth)]
    append_labels(
        spark,
        labels,
        [
            make_event("1", order[0], "a"),
            make_event("2", order[2], "a", source="model"),
            make_event("3", order[4], "b"),
            make_event("4", order[4], withdraws="3"),
        ],
    )
    by_margin = QueueConfig(table=queue, scores=scores, strategy="margin", budget=5)
    first = queue_items(spark, config, by_margin)
    assert (first.num_queued, first.num_left, first.num_unknown) == (5, NUM - 1, 0)
    found = read(spark, first.table, "position")
    assert [row["item_key"] for row in found] == order[1:6]
    assert [row["uncertainty"] for row in found] == pytest.approx(np.sort(worth)[::-1][1:6].tolist())
    assert {(row["strategy"], row["queue_id"]) for row in found} == {("margin", first.queue_id)}
    append_labels(spark, labels, [make_event("5", order[1], "a")])
    mixed = by_margin.model_copy(update={"strategy": "mix", "mix_factor": 3})
    second = queue_items(spark, config, mixed)
    behind = read(spark, second.table, "position")[5:]
    assert len(behind) == 5 and second.alike_by == "embedding" and second.num_compared == 15
    assert [row["position"] for row in behind] == list(range(5, 10))
    assert {row["item_key"] for row in behind} < set(order[6:21])
    caplog.clear()
    rest = queue_items(spark, config, by_margin.model_copy(update={"strategy": "random", "budget": 100}))
    assert rest.num_queued == NUM - 11
    assert "29 items are queued, 100 were asked for" in caplog.text
    for strategy in ("margin", "mix", "diverse"):
        none_left = queue_items(spark, config, by_margin.model_copy(update={"strategy": strategy}))
        assert (none_left.num_queued, none_left.num_left) == (0, 0)
    anew = queue_items(spark, config, by_margin.model_copy(update={"renew": True}))
    assert [row["item_key"] for row in read(spark, anew.table, "position")] == [order[n] for n in (2, 3, 4, 5, 6)]


def test_what_a_queue_cannot_use_is_said(spark: SparkSession, tmp_path: Path, scores: str) -> None:
    config = LabelConfig(table=str(tmp_path / "labels"), task="classes")
    queue = QueueConfig(table=str(tmp_path / "queue"), scores=scores, budget=3)
    rows = spark.sql("SELECT 'a' AS key, map('x', 0.5D, 'y', 0.5D) AS probabilities, named_struct('z', 1) AS bad")
    assert queue_items(spark, config, queue, scores=rows).alike_by == "probabilities"
    with pytest.raises(DataError, match=r"has no column 'id'; it has 'key'|did you mean"):
        queue_items(spark, config, queue.model_copy(update={"key": "id"}))
    with pytest.raises(DataError, match="column 'bad' is struct<z:int>, an array of numbers is needed"):
        queue_items(spark, config, queue.model_copy(update={"embedding": "bad"}), scores=rows)
    with pytest.raises(DataError, match="scores has none of the columns embedding, probabilities"):
        queue_items(spark, config, queue, scores=rows.drop("probabilities"))
    with pytest.raises(DataError, match="which predictions"):
        queue_items(spark, config, queue.model_copy(update={"scores": None}))


def parity_of(number: int) -> str:
    return "even" if number % 2 == 0 else "odd"


def box(x: float) -> LabelBox:
    return LabelBox(label="odd", x=x, y=0.0, width=0.3, height=1.0)


@pytest.fixture(scope="module")
def labels(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Twenty items that ann and ben label rightly, ten of which zoe labels wrongly, and some that are special."""
    name = str(tmp_path_factory.mktemp("labels") / "labels")
    events = [
        make_event(f"{person} {number}", f"i{number}", parity_of(number), annotator=person)
        for number in range(20)
        for person in ("ann", "ben")
    ]
    events += [make_event(f"zoe {number}", f"i{number}", "odd", annotator="zoe") for number in range(0, 20, 2)]
    events += [
        make_event("tie 1", "tie", "odd"),
        make_event("tie 2", "tie", "even", annotator="ben", minutes=1),
        make_event("pseudo", "i1", "even", source="model", annotator="m", minutes=9),
        make_event("rule", "ruled", "odd", source="rule", annotator="r"),
        make_event("pseudo 2", "ruled", "even", source="model", annotator="m"),
        make_event("gone", "unknown", "odd"),
        *(
            make_event(f"box {name}", "boxed", task="boxes", annotator=name, boxes=boxes)
            for name, boxes in (("ann", (box(0.1),)), ("ben", (box(0.15), box(0.7))), ("zoe", (box(0.1), box(0.5))))
        ),
    ]
    append_labels(spark, name, events)
    return name


def test_one_label_of_several_holds(spark: SparkSession, tmp_path: Path, labels: str) -> None:
    resolved, config = str(tmp_path / "resolved"), LabelConfig(table=labels, task="classes")
    agreement = measure_agreement(spark, labels, "classes")
    assert (agreement.num_items, agreement.num_shared) == (22, 21)
    pairs = {(pair.first, pair.second): (pair.num_items, pair.kappa) for pair in agreement.pairs}
    assert pairs["ann", "ben"][0] == 21 and pairs["ann", "ben"][1] == pytest.approx(0.9, abs=0.02)
    assert pairs["ben", "zoe"] == (10, 0.0)
    assert agreement.accuracies["zoe"] < agreement.accuracies["ann"]

    latest = ResolveConfig(table=resolved, sources=("human", "rule", "model"))
    found = resolve_labels(spark, config, latest)
    by_key = {row["key"]: row for row in read(spark, found.table, "key")}
    assert found.source_items == {"human": 22, "rule": 1} and len(by_key) == found.num_items == 23
    assert (by_key["i1"]["label"], by_key["tie"]["label"], by_key["ruled"]["label"]) == ("odd", "even", "odd")
    assert (by_key["i0"]["num_annotators"], by_key["ruled"]["num_annotators"]) == (3, 1)
    trusted = ResolveConfig(table=resolved, method="dawid_skene", min_annotators=2, min_confidence=0.6)
    found = resolve_labels(spark, config, trusted)
    assert found.left_out["with too few annotators"] == 1
    by_key = {row["key"]: row for row in read(spark, found.table, "key")}
    assert {number: by_key[f"i{number}"]["label"] for number in range(20)} == {n: parity_of(n) for n in range(20)}
    with pytest.raises(
        DataError, match="has no label to resolve for the task classes of the sources rule; left out: 1"
    ):
        resolve_labels(spark, config, ResolveConfig(table=resolved, sources=("rule",), min_annotators=2))
    assert pin_table(spark, resolved) == found.table
    with pytest.raises(DataError, match="holds no resolved labels, and would be replaced"):
        resolve_labels(spark, config, ResolveConfig(table=labels))
    boxes = ResolveConfig(table=str(tmp_path / "boxes"), method="majority")
    found = resolve_labels(spark, LabelConfig(table=labels, task="boxes"), boxes)
    (row,) = read(spark, found.table, "key")
    assert (row["key"], row["num_annotators"], row["confidence"]) == ("boxed", 3, pytest.approx(2 / 3))
    assert [each["x"] for each in row["label"]] == [0.1]


@pytest.mark.matrix
def test_resolved_labels_are_prepared(
    spark: SparkSession, tmp_path: Path, labels: str, caplog: pytest.LogCaptureFixture
) -> None:
    resolve, config = (
        ResolveConfig(table=str(tmp_path / "resolved"), method="majority"),
        LabelConfig(table=labels, task="classes"),
    )
    found = resolve_labels(spark, config, resolve)
    assert found.left_out == {"with a tie": 1} and found.num_items == 21
    assert {row["labels_version"] for row in read(spark, found.table, "key")} == {found.labels.version}
    source = tmp_path / "rows.csv"
    source.write_text("id,x,y\n" + "".join(f"i{number},{number % 2},{number}\n" for number in range(30)))
    prepare = PrepareTableConfig(
        table=str(tmp_path / "prepared"),
        source=str(source),
        key="id",
        label="answer",
        labels=LabelsSource(table=resolve.table),
        columns={"x": {"kind": "numeric"}, "y": {"kind": "numeric"}},  # type: ignore[dict-item]
    )
    prepared = prepare_table(spark, prepare)
    assert (prepared.num_rows, prepared.num_rejects, prepared.target.label_names) == (20, 0, ("even", "odd"))
    assert prepared.labels == found.table
    assert "1 labels of" in caplog.text and "'unknown'" in caplog.text
    rows = {row["id"]: row["label"] for row in read_pinned(spark, prepared.table).collect()}
    assert rows == {f"i{number}": parity_of(number) for number in range(20)}
    withdraw_labels(spark, labels, annotator="ann", label_ids=["ann 3", "ben 3"])
    resolve_labels(spark, config, resolve)
    assert prepare_table(spark, prepare).num_rows == 19
    said = [make_event(f"m{n}", f"i{n}", parity_of(n), source="model", annotator="m") for n in range(20, 30)]
    append_labels(spark, labels, said)
    with_model = resolve_labels(spark, config, resolve.model_copy(update={"sources": ("human", "model")}))
    assert with_model.source_items["model"] >= 10
    source.write_text(source.read_text() + "i20,1,1\n")  # a key that is there twice: one is rejected
    graded = prepare_table(spark, prepare)
    assert (graded.num_rows, graded.num_rejects) == (29, 1)
    splits = {row["id"]: row["split"] for row in read_pinned(spark, graded.table).collect()}
    digests = {n: hashlib.sha256(f"{prepare.split.seed}:i{n}".encode()).hexdigest() for n in range(20, 30)}
    shares = {n: int(digest[:12], 16) / 16**12 for n, digest in digests.items()}
    assert max(shares.values()) > prepare.split.train, "by its key one of them would be tested with"
    assert {splits[f"i{n}"] for n in range(20, 30)} == {"train"} < set(splits.values())
    assert graded.rejects is not None
    (reject,) = read_pinned(spark, graded.rejects).collect()
    found_row = json.loads(reject["row"])
    assert (found_row["id"], found_row["answer"]) == ("i20", "even") and TRAIN_COLUMN not in found_row
    resolve_labels(spark, config, resolve)
    source.write_text("id,x,y\nz1,1,1\nz2,0,2\n")
    with pytest.raises(DataError, match="has 20 labels, none of them of csv source"):
        prepare_table(spark, prepare)
