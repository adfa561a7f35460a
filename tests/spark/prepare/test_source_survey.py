"""Kinds and task of a source with everything in it, inferred on Spark."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from dbx_dl.config import EmbeddingColumn, IgnoredColumn, PrepareTableConfig
from dbx_dl.errors import DataError
from dbx_dl.prepare.tabular.schema import TableSchema, find_schema
from dbx_dl.runtime.source_columns import MALFORMED_COLUMN

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

# name -> (SQL of a column over range(2000), expected kind)
COLUMNS = {
    "words": ("if(id % 9 = 0, '?', concat('w', id % 7))", "categorical"),
    "names": ("concat('name ', id)", "categorical"),
    "numbers_as_text": ("if(id % 9 = 0, '', cast(id / 7 AS string))", "numeric"),
    "number_or_word": ("if(id = 500, 'much', cast(id AS string))", "categorical"),
    "long_ids_as_text": ("concat('9007199254740', cast(100000 + id AS string))", "categorical"),
    "answers": ("if(id % 2 = 0, 'Yes', 'no')", "boolean"),
    "ones_as_text": ("cast(id % 2 AS string)", "numeric"),
    "days_as_text": ("cast(date_add(date'2020-01-01', cast(id AS int)) AS string)", "datetime"),
    "times_as_text": ("concat('2020-01-01T10:', lpad(id % 60, 2, '0'), ':00Z')", "datetime"),
    "no_day_as_text": ("if(id = 3, '2023-02-30', '2023-02-28')", "categorical"),
    "years_as_text": ("cast(1990 + id % 30 AS string)", "numeric"),
    "nothing": ("cast(null AS string)", "categorical"),
    "flag": ("id % 2 = 0", "boolean"),
    "integer": ("cast(id AS int)", "numeric"),
    "long_ids": ("9007199254740993 + id", "categorical"),
    "decimal": ("cast(id / 3 AS decimal(10, 2))", "numeric"),
    "double": ("id / 3e0", "numeric"),
    "day": ("date_add(date'2020-01-01', cast(id AS int))", "datetime"),
    "time": ("timestamp_seconds(id)", "datetime"),
    "local_time": ("cast(timestamp_seconds(id) AS timestamp_ntz)", "datetime"),
    "vector": ("if(id % 5 = 0, null, array(id, 1, 2))", "embedding"),
    "declared_vector": ("array(1e0, id)", "embedding"),
    "ragged": ("if(id % 5 = 0, array(1), array(1, 2))", "ignore"),
    "list": ("array('a')", "ignore"),
    "struct": ("struct(id)", "ignore"),
    "bytes": ("cast('x' AS binary)", "ignore"),
    "dropped": ("id", "ignore"),
    "group": ("id % 10", "ignore"),
}


def unpack(schema: TableSchema) -> tuple[dict[str, Any], str]:
    return dict(schema.columns), schema.task


def configure(**changes: Any) -> PrepareTableConfig:
    values = {"source": "s", "source_format": "query", "table": "t", "key": "id", "label": "y"}
    return PrepareTableConfig.model_validate({**values, **changes})


@pytest.fixture(scope="module")
def raw(spark: SparkSession) -> DataFrame:
    selected = [f"{sql} AS `{name}`" for name, (sql, _) in COLUMNS.items()]
    malformed = f"if(id = 1, 'broken', null) AS {MALFORMED_COLUMN}"
    return spark.range(2000, numPartitions=2).selectExpr("id", "id * 0.5 AS y", *selected, malformed)


def test_kinds_and_task(raw: DataFrame, caplog: pytest.LogCaptureFixture) -> None:
    declared = {"declared_vector": EmbeddingColumn(scale="standard"), "dropped": IgnoredColumn()}
    config = configure(columns=declared, split={"group": "group"}, max_categories=100)
    with caplog.at_level(logging.INFO, "dbx_dl"):
        columns, task = unpack(find_schema(raw, config, None))
    assert {name: column.kind for name, column in columns.items()} == {n: kind for n, (_, kind) in COLUMNS.items()}
    assert list(columns) == list(COLUMNS)
    assert columns["vector"].model_dump()["size"] == 3
    assert columns["declared_vector"] == EmbeddingColumn(size=2, scale="standard")
    assert task == "regression"
    warned = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    many = [message for message in warned if "hash_buckets" in message]
    # What differs in nearly every row is a name, the words are not.
    assert [message.split("'")[1] for message in many] == ["names", "number_or_word", "long_ids_as_text"]
    left_out = [message.split("'")[1] for message in warned if "left out" in message]
    assert left_out == ["ragged", "list", "struct", "bytes"]


@pytest.mark.parametrize(
    ("label", "task"),
    [
        ("words", "multiclass"),
        ("answers", "binary"),
        ("ones_as_text", "binary"),
        ("numbers_as_text", "regression"),
        ("list", "multilabel"),
    ],
)
def test_tasks(raw: DataFrame, label: str, task: str) -> None:
    columns, found = unpack(find_schema(raw.select("id", "double", label), configure(label=label), None))
    assert (list(columns), found) == (["double"], task)


DECLARED_BADLY: dict[str, tuple[dict[str, Any], str]] = {
    "numbers from arrays": (
        {"columns": {"vector": "numeric"}},
        "'vector' .* is of type array<bigint>, which cannot be",
    ),
    "dates from numbers": ({"columns": {"double": "datetime"}}, "'double' .* cannot be a datetime feature"),
    "vectors from words": ({"columns": {"words": "embedding"}}, "'words' .* cannot be a embedding feature"),
    "an absent column": ({"columns": {"word": "numeric"}}, "no column 'word'; did you mean 'words'"),
    "an absent group": ({"split": {"group": "grup"}}, "no column 'grup'; did you mean 'group'"),
    "the split": ({"split": {"column": "words"}, "columns": {"words": "categorical"}}, "that names the split"),
    "an absent label": ({"label": "yy"}, "no column 'yy'"),
    "a label of days": ({"label": "day"}, "label 'day' of query 's' is of a type that cannot be learned"),
}


@pytest.mark.parametrize("name", DECLARED_BADLY)
def test_what_cannot_be(raw: DataFrame, name: str) -> None:
    changes, message = DECLARED_BADLY[name]
    known = raw.select("id", "y", "vector", "double", "words", "group", "day")
    with pytest.raises(DataError, match=message) as raised:
        find_schema(known, configure(**changes), None)
    assert len(str(raised.value).splitlines()) == 1
