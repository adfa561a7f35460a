"""Which jobs are left to Spark is decided by facts alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from dbx_dl.contracts import ImageSpec
from dbx_dl.score.columnar.fitness import JobFacts, explain_job
from dbx_dl.score.columnar.raw_values import explain_columns
from dbx_dl.score.columnar.target import TargetFacts, explain_target, read_fields
from tests.prepared_tables import SPEC

JOB = JobFacts(is_wanted=True, on_databricks=False, is_delta=True, source="/a/source", table="./table")
FIELDS = (("key", '"string"'), ("value", '"double"'))
TARGET = TargetFacts(fields=FIELDS)
SCHEMA = pa.schema([("id", pa.string()), ("x", pa.float32()), ("y", pa.int64()), ("colour", pa.string())])


def test_local_path_tables_need_no_spark() -> None:
    assert explain_job(JOB) is None
    assert explain_job(replace(JOB, source="file:/a/source", table="~/table")) is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"is_wanted": False}, "`columnar` is false"),
        ({"on_databricks": True}, "on Databricks"),
        ({"is_delta": False}, "/a/source is no Delta table"),
        ({"is_replacing": False}, "predictions join those of an earlier run"),
        ({"is_whole": False}, "only some rows"),
        ({"has_mapped_inputs": True}, "`inputs` names other columns"),
        ({"num_key_columns": 2}, "the key is made of several columns"),
        ({"has_ansi_sizes": False}, "spark.sql.ansi.enabled is false"),
        ({"source": "main.sales.rows"}, "table main.sales.rows belongs to a catalog"),
        ({"table": "predictions"}, "table predictions belongs to a catalog"),
        ({"table": "s3://bucket/table"}, "s3://bucket/table is not on a local file system"),
        ({"source": "abfss:/bucket/table"}, "abfss:/bucket/table is not on a local file system"),
    ],
)
def test_other_jobs_are_for_spark(change: dict[str, Any], reason: str) -> None:
    assert str(explain_job(replace(JOB, **change))).startswith(reason)


def test_only_settings_that_leave_a_choice_are_worth_a_line() -> None:
    assert JOB.is_meant and replace(JOB, table="main.sales.rows").is_meant
    for change in ("is_wanted", "is_delta", "is_replacing", "is_whole"):
        assert not replace(JOB, **{change: False}).is_meant


def test_a_target_that_asks_for_nothing_unknown_is_replaced() -> None:
    assert explain_target(TARGET, FIELDS) is None
    known = frozenset({"appendOnly", "invariants", "deletionVectors"})
    assert explain_target(replace(TARGET, writer_version=7, writer_features=known), FIELDS) is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"partition_columns": ("day",)}, "it is partitioned"),
        ({"is_append_only": True}, "it is append-only"),
        ({"column_mapping": "name"}, "it has column mapping (name)"),
        ({"writer_version": 7, "writer_features": frozenset({"rowTracking"})}, "it asks writers for rowTracking"),
        ({"writer_version": 5}, "it asks for Delta writer version 5"),
        ({"has_deletion_vectors": True}, "it has deletion vectors"),
        ({"has_field_rules": True}, "its columns have rules of their own"),
        ({"fields": FIELDS[:1]}, "its columns change"),
    ],
)
def test_a_target_that_asks_for_more_is_for_spark(change: dict[str, Any], reason: str) -> None:
    assert explain_target(replace(TARGET, **change), FIELDS) == reason


def test_fields_are_compared_whatever_may_be_null() -> None:
    array = '{{"type":"array","elementType":"float","containsNull":{}}}'
    turned = '{"containsNull":true,"elementType":"float","type":"array"}'
    text = '{{"fields":[{{"name":"p","type":{},"nullable":{},"metadata":{{}}}}]}}'
    one, two = (text.format(array.format(flag), flag) for flag in ("true", "false"))
    assert read_fields(one) == read_fields(two) != read_fields(text.format('"double"', "true"))
    assert read_fields(one) == read_fields(text.format(turned, "true"))


@pytest.mark.parametrize(
    ("name", "kind", "reason"),
    [
        ("x", pa.string(), "its column 'x' is string where the model takes numeric values"),
        ("y", pa.decimal128(20, 2), "its column 'y' is decimal128(20, 2)"),
        ("colour", pa.date32(), "its column 'colour' is date32"),
        ("id", pa.float64(), "its key 'id' is double"),
    ],
)
def test_columns_that_only_spark_reads(name: str, kind: pa.DataType, reason: str) -> None:
    assert explain_columns(SCHEMA, "id", SPEC) is None
    changed = SCHEMA.set(SCHEMA.get_field_index(name), pa.field(name, kind))
    assert str(explain_columns(changed, "id", SPEC)).startswith(reason)


def test_padded_text_and_pictures_of_another_type() -> None:
    padded = pa.field("id", pa.string(), metadata={"__CHAR_VARCHAR_TYPE_STRING": "char(4)"})
    assert explain_columns(SCHEMA.set(0, padded), "id", SPEC) == "its key 'id' is char"
    images = ImageSpec(height=2, width=2, channels=1)
    assert explain_columns(pa.schema([("id", pa.int64()), ("content", pa.binary())]), "id", images) is None
    reason = explain_columns(pa.schema([("id", pa.int64()), ("content", pa.string())]), "id", images)
    assert reason == "its column 'content' is string"
