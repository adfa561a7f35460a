"""What becomes of single rows: typed, or rejected for the first thing that is wrong."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from pyspark.sql import functions as F

from dbx_dl.config import PrepareTableConfig
from dbx_dl.prepare.splits import assign_split
from dbx_dl.prepare.tabular.row_checks import check_rows
from dbx_dl.runtime.source_columns import MALFORMED_COLUMN

if TYPE_CHECKING:
    from pyspark.sql import Row, SparkSession

    from dbx_dl.contracts import TaskName

COLUMNS = {
    "n": "numeric",
    "f": "boolean",
    "t": "datetime",
    "c": "categorical",
    "v": {"kind": "embedding", "size": 2},
    "gone": "ignore",
}
SCHEMA = (
    f"k string, y string, n string, f string, t string, c string, v array<float>, gone long, {MALFORMED_COLUMN} string"
)
GOOD: dict[str, Any] = {
    "k": "a",
    "y": "l1",
    "n": "1.5",
    "f": "Yes",
    "t": "2024-02-29T12:00:00+01:00",
    "c": "w",
    "v": [1.0, 2.5],
    "gone": 7,
}
EMPTY = {"k": "b", "y": "l1", "n": "?", "f": "", "t": None, "c": "NA", "v": None}
BAD: dict[str, tuple[dict[str, Any], str, str]] = {
    "malformed": ({MALFORMED_COLUMN: "x", "k": None}, "malformed_row", "the number of values differs"),
    "no key": ({"k": ""}, "no_key", "column 'k' is null"),
    "no label": ({"y": "?"}, "no_label", "column 'y' is null"),
    "number": ({"n": "1,5"}, "not_a_number", "column 'n' holds '1,5'"),
    "boolean": ({"f": "maybe"}, "not_a_boolean", "column 'f' holds 'maybe'"),
    "datetime": ({"t": "2023-02-29"}, "not_a_datetime", "column 't' holds '2023-02-29'"),
    "short array": ({"v": [1.0]}, "bad_embedding", "column 'v' needs 2 finite numbers, it has 1 elements"),
    "null element": ({"v": [1.0, None]}, "bad_embedding", "needs 2 finite numbers"),
    "infinite element": ({"v": [1.0, float("inf")]}, "bad_embedding", "needs 2 finite numbers"),
    "undefined element": ({"v": [1.0, float("nan")]}, "bad_embedding", "needs 2 finite numbers"),
}


def check(spark: SparkSession, rows: list[dict[str, Any]], schema: str, task: TaskName, **changes: Any) -> list[Row]:
    values = {"source": "s", "table": "t", "key": "k", "label": "y", "columns": COLUMNS}
    config = PrepareTableConfig.model_validate({**values, **changes})
    names = [field.split()[0] for field in schema.split(", ")]
    raw = spark.createDataFrame([tuple(row.get(name) for name in names) for row in rows], schema)
    # One partition: the order of rows is that of the list.
    split = assign_split(F.col("k"), config.split) if config.split.column is None else F.lit(None).cast("string")
    return list(check_rows(raw.coalesce(1), config.columns or {}, task, config, split).collect())


def test_rows_are_typed_or_rejected(spark: SparkSession) -> None:
    bad = [GOOD | {"k": name} | changes for name, (changes, _, _) in BAD.items()]
    rows = check(spark, [GOOD, EMPTY, GOOD | {"n": "3"}, *bad], SCHEMA, "multiclass")
    assert rows[0].__fields__ == ["k", "n", "f", "t", "c", "v", "label", "split", "_reason", "_detail", "_row"]
    found = {(row["k"], row["_reason"]): row for row in rows}
    assert len(found) == len(rows) == 3 + len(BAD)
    good = found["a", None]
    assert good.asDict() == {
        "k": "a",
        "n": 1.5,
        "f": 1.0,
        "t": good["t"],
        "c": "w",
        "v": [1.0, 2.5],
        "label": "l1",
        "split": good["split"],
        "_reason": None,
        "_detail": None,
        "_row": None,
    }
    assert good["t"].astimezone(UTC) == datetime(2024, 2, 29, 11, tzinfo=UTC)
    assert [found["b", None][name] for name in "nftcv"] == [None] * 5
    assert found["a", "duplicate_key"]["n"] == 3.0
    for name, (changes, reason, detail) in BAD.items():
        key = None if "k" in changes else name
        assert detail in found[key, reason]["_detail"]
    raw = json.loads(found["number", "not_a_number"]["_row"])
    assert (raw["n"], raw["gone"], raw[MALFORMED_COLUMN]) == ("1,5", 7, None)


LABELS: dict[str, tuple[str, TaskName, dict[str, Any], list[tuple[Any, Any, str | None]]]] = {
    "numbers in text": (
        "string",
        "regression",
        {},
        [
            (" -1e3 ", -1000.0, None),
            ("3.4e38", 3.4e38, None),
            ("-1e39", None, "bad_label"),
            ("?", None, "no_label"),
            ("much", None, "bad_label"),
            ("inf", None, "bad_label"),
        ],
    ),
    "counts": (
        "double",
        "count",
        {},
        [
            (3.0, 3.0, None),
            (0.0, 0.0, None),
            (-1.0, None, "bad_label"),
            (0.5, None, "bad_label"),
            (None, None, "no_label"),
        ],
    ),
    "lists": (
        "array<string>",
        "multilabel",
        {},
        [(["b", " a ", "b", None, "", "?"], ["a", "b"], None), ([], [], None), (None, None, "no_label")],
    ),
    "separated": (
        "string",
        "multilabel",
        {"label_separator": "|"},
        [("b| a|", ["a", "b"], None), ("a.b", ["a.b"], None), ("NA", None, "no_label")],
    ),
    "numbered lists": ("array<int>", "multilabel", {}, [([2, 1], ["1", "2"], None)]),
    "flags": ("boolean", "binary", {}, [(True, "true", None), (None, None, "no_label")]),
}


@pytest.mark.parametrize("name", LABELS)
def test_labels(spark: SparkSession, name: str) -> None:
    kind, task, changes, expected = LABELS[name]
    rows = [{"k": f"k{i}", "y": label, "n": "1"} for i, (label, _, _) in enumerate(expected)]
    found = check(spark, rows, f"k string, y {kind}, n string", task, columns={"n": "numeric"}, **changes)
    by_key = {row["k"]: row for row in found}
    for i, (_, label, reason) in enumerate(expected):
        assert by_key[f"k{i}"]["_reason"] == reason
        if reason is None:
            assert by_key[f"k{i}"]["label"] == label


def test_a_split_that_is_none(spark: SparkSession) -> None:
    row = {"k": "a", "y": "l", "n": "1", "s": "holdout"}
    (found,) = check(
        spark,
        [row],
        "k string, y string, n string, s string",
        "binary",
        columns={"n": "numeric"},
        split={"column": "s"},
    )
    assert (found["_reason"], found["_detail"]) == ("bad_split", "column 's' holds 'holdout'")
