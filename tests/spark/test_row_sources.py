"""Rows of every source format, and what a source that cannot be used says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dbx_dl.config import CsvOptions
from dbx_dl.errors import DataError
from dbx_dl.runtime.row_sources import read_rows
from dbx_dl.runtime.source_columns import MALFORMED_COLUMN

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# name -> (text, options, rows)
DIALECTS: dict[str, tuple[str, CsvOptions, list[tuple[str | None, ...]]]] = {
    "semicolons": (
        "id;x\na; 1,5 \n'b;2';'it''s'\n",
        CsvOptions(delimiter=";", quote="'"),
        [("a", "1,5"), ("b;2", "it's")],
    ),
    "tabs with empty cells": ("id\tx\n\t1\na\t\n", CsvOptions(delimiter="\t"), [(None, "1"), ("a", None)]),
    "two characters": ("id||x\na||1\n", CsvOptions(delimiter="||"), [("a", "1")]),
    "no header": ("a,1\nb,2\n", CsvOptions(header=False), [("a", "1"), ("b", "2")]),
}


@pytest.mark.parametrize("name", DIALECTS)
def test_csv_dialects(spark: SparkSession, tmp_path: Path, name: str) -> None:
    text, options, expected = DIALECTS[name]
    (tmp_path / "in.csv").write_text(text)
    rows = read_rows(spark, str(tmp_path / "in.csv"), "csv", options)
    assert rows.columns == [*(("id", "x") if options.header else ("c0", "c1")), MALFORMED_COLUMN]
    assert [tuple(row) for row in rows.collect()] == [(*row, None) for row in expected]


def test_lines_of_another_length_are_malformed_without_a_header_too(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("a,1\nb\nc,3,4\n")
    rows = read_rows(spark, str(tmp_path / "in.csv"), "csv", CsvOptions(header=False)).collect()
    assert [row[MALFORMED_COLUMN] for row in rows] == [None, "b", "c,3,4"]


def test_json_lines_keep_their_types_and_mark_what_is_no_json(spark: SparkSession, tmp_path: Path) -> None:
    lines = [{"id": "a", "n": 1, "v": [1, 2.5]}, {"id": "b", "n": None, "v": None, "flag": True}]
    (tmp_path / "in.json").write_text("\n".join([*map(json.dumps, lines), '{"id": "c", ']))
    rows = read_rows(spark, str(tmp_path / "in.json"), "json")
    types = {field.name: field.dataType.simpleString() for field in rows.schema.fields}
    assert types == {
        "flag": "boolean",
        "id": "string",
        "n": "bigint",
        "v": "array<double>",
        MALFORMED_COLUMN: "string",
    }
    found = [(row["id"], row["n"], row["v"], row["flag"], row[MALFORMED_COLUMN]) for row in rows.collect()]
    assert found[:2] == [("a", 1, [1.0, 2.5], None, None), ("b", None, None, True, None)]
    assert found[2][-1] == '{"id": "c", '


def test_queries(spark: SparkSession) -> None:
    rows = read_rows(spark, "WITH t AS (SELECT id, id * 2 AS twice FROM range(3))\nSELECT * FROM t -- all;", "query")
    assert [tuple(row) for row in rows.orderBy("id").collect()] == [(0, 0), (1, 2), (2, 4)]
    assert read_rows(spark, "SELECT 1 AS x ;", "query").count() == 1


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("SELECT * FROM no_such_table", "query 'SELECT . FROM no_such_table' cannot be read: .*no_such_table"),
        ("SELEC 1", "cannot be read: .*[Ss]yntax error"),
        ("DROP TABLE digits", "cannot be read: .*[Ss]yntax error"),
        ("SELECT 1 AS x, 2 AS X", "has the name 'X' twice"),
    ],
)
def test_queries_that_cannot_run(spark: SparkSession, query: str, message: str) -> None:
    with pytest.raises(DataError, match=message) as raised:
        read_rows(spark, query, "query")
    assert len(str(raised.value).splitlines()) == 1


BAD_FILES = {
    "nowhere.json": (None, "json", "does not exist"),
    "empty.json": ("", "json", "holds no JSON objects"),
    "pretty.json": ('{\n "id": 1\n}\n', "json", "holds no JSON objects, one a line"),
    "twice.json": ('{"id": 1, "ID": 2}\n', "json", "twice|duplicate|already exists"),
    "empty.csv": ("", "csv", "is empty: its first line must name the columns"),
    "other.xml": ("<a/>", "xml", "unknown source format 'xml'"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_files_that_cannot_be_read(spark: SparkSession, tmp_path: Path, name: str) -> None:
    text, source_format, message = BAD_FILES[name]
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=message) as raised:
        read_rows(spark, str(tmp_path / name), source_format)
    assert len(str(raised.value).splitlines()) == 1
