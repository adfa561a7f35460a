"""Arrow columns of every type become what an encoder takes, nulls included, or are refused by name."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from dbx_dl.contracts import (
    CategoricalFeature,
    DatetimeFeature,
    EmbeddingFeature,
    FeatureSpec,
    HashedFeature,
    NumericFeature,
)
from dbx_dl.errors import DataError
from dbx_dl.transforms.columns import TabularEncoder, to_model_inputs

NUMBER = FeatureSpec(features=(NumericFeature(column="x", fill=0, center=0, scale=1),))
CATEGORY = FeatureSpec(features=(CategoricalFeature(column="x", categories=("a",)),))
HASHED = FeatureSpec(features=(HashedFeature(column="x", num_buckets=3),))
TIME = FeatureSpec(features=(DatetimeFeature(column="x", fill=0, parts=("hour",)),))
VECTOR = FeatureSpec(features=(EmbeddingFeature(column="x", size=2, fill=(0, 0), center=(0, 0), scale=(1, 1)),))
NOON = 43_200_000_000
DAY = 86_400_000_000


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array([1, None], pa.int64()), [1.0, np.nan]),
        (pa.array([1, None], pa.uint8()), [1.0, np.nan]),
        (pa.array([0.5, None, float("nan")], pa.float32()), [0.5, np.nan, np.nan]),
        (pa.array([float("inf")]), [np.inf]),
        (pa.array([True, False, None]), [1.0, 0.0, np.nan]),
        (pa.array([Decimal("1.25"), None]), [1.25, np.nan]),
        (pa.nulls(2), [np.nan, np.nan]),
        (pa.chunked_array([[1.0], [None, 2.0]]), [1.0, np.nan, 2.0]),
        (pa.array([2**53 + 1]), [2.0**53]),
    ],
)
def test_numbers(column: pa.Array, expected: list[float]) -> None:
    values = to_model_inputs(pa.table({"x": column}), NUMBER)["x"]
    assert values.dtype == np.float64
    np.testing.assert_array_equal(values, expected)


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array(["a", None, ""]), ["a", "", ""]),
        (pa.array(["a", None], pa.large_string()), ["a", ""]),
        (pa.array(["a", None, "a"]).dictionary_encode(), ["a", "", "a"]),
        (pa.array([True, False, None]), ["true", "false", ""]),
        (pa.array([7, None]), ["7", ""]),
        (pa.array([2**53, 2**53 + 1, -(2**63), None]), ["9007199254740992", "9007199254740993", str(-(2**63)), ""]),
        (pa.array([2**64 - 1], pa.uint64()), ["18446744073709551615"]),
        (pa.array(["ü", "日本", "a\0b"]), ["ü", "日本", "a\0b"]),
        (pa.nulls(2), ["", ""]),
        (pa.array([], pa.string()), []),
    ],
)
@pytest.mark.parametrize("spec", [CATEGORY, HASHED], ids=["categorical", "hashed"])
def test_categories(spec: FeatureSpec, column: pa.Array, expected: list[str]) -> None:
    values = to_model_inputs(pa.table({"x": column}), spec)["x"]
    assert values.dtype == object
    assert values.tolist() == expected


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array([NOON, None], pa.timestamp("us", "UTC")), [NOON, None]),
        (pa.array([NOON, None], pa.timestamp("us", "America/New_York")), [NOON, None]),
        (pa.array([NOON, -1], pa.timestamp("us")), [NOON, -1]),
        (pa.array([1, None, -2], pa.timestamp("s")), [1_000_000, None, -2_000_000]),
        (pa.array([1, -1], pa.timestamp("ms", "UTC")), [1_000, -1_000]),
        (pa.array([1_999, -1, -1_000], pa.timestamp("ns")), [1, -1, -1]),
        (pa.array([date(1970, 1, 2), None, date(1969, 12, 31)]), [DAY, None, -DAY]),
        (pa.array([DAY // 1000, None], pa.date64()), [DAY, None]),
        (pa.array([date(1, 1, 1), date(9999, 12, 31)]), [-719_162 * DAY, 2_932_896 * DAY]),
        (pa.array([datetime(1, 1, 1, tzinfo=UTC)], pa.timestamp("us", "UTC")), [-719_162 * DAY]),
        (pa.chunked_array([[NOON], [None]], pa.timestamp("us")), [NOON, None]),
        (pa.array([NOON, None, NOON], pa.timestamp("us")).dictionary_encode(), [NOON, None, NOON]),
        (pa.array([2**62], pa.timestamp("s")), [(2**63 - 1) // 10**6 * 10**6]),
        (pa.array([-(2**31)], pa.date32()), [-((2**63 - 1) // DAY) * DAY]),
        (pa.nulls(2), [None, None]),
        (pa.array([], pa.timestamp("us")), []),
    ],
)
def test_times(column: pa.Array, expected: list[int | None]) -> None:
    inputs = to_model_inputs(pa.table({"x": column}), TIME)
    assert list(inputs) == ["x", "x_is_null"]
    assert inputs["x"].dtype == np.int64 and inputs["x_is_null"].dtype == bool
    assert inputs["x"].tolist() == [value or 0 for value in expected]
    assert inputs["x_is_null"].tolist() == [value is None for value in expected]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array([[1.0, 2.0], None, [3.0, 4.0]]), [[1, 2], None, [3, 4]]),
        (pa.array([[1.0], [], [1.0, 2.0, 3.0], [1.0, 2.0]]), [None, None, None, [1, 2]]),
        (pa.array([[1, None], [None, None]], pa.list_(pa.int32())), [[1, np.nan], None]),
        (pa.array([[np.inf, 1.0]], pa.large_list(pa.float32())), [[np.inf, 1]]),
        (pa.array([[1, 2], None, [3, 4]], pa.list_(pa.float64(), 2)), [[1, 2], None, [3, 4]]),
        (pa.array([[Decimal("1.5"), Decimal("2.5")]]), [[1.5, 2.5]]),
        (pa.array([[0.0], [1.0, 2.0], None, [3.0, 4.0], [5.0, 6.0]]).slice(1, 3), [[1, 2], None, [3, 4]]),
        (pa.array([[1, 2], None, [3, 4]], pa.list_(pa.float64(), 2)).slice(1), [None, [3, 4]]),
        (pa.chunked_array([[[1.0, 2.0]], [None, [3.0, 4.0]]]), [[1, 2], None, [3, 4]]),
        (pa.chunked_array([], pa.list_(pa.float64())), []),
        (pa.array([[None, None]]), [None]),
        (pa.nulls(1), [None]),
    ],
)
def test_arrays_of_numbers(column: pa.Array, expected: list[Any]) -> None:
    values = to_model_inputs(pa.table({"x": column}), VECTOR)["x"]
    assert values.dtype == np.float64 and values.shape == (len(expected), 2)
    np.testing.assert_array_equal(values, np.array([row or [np.nan] * 2 for row in expected]).reshape(-1, 2))


def test_batches_work_and_other_columns_do_not_matter() -> None:
    batch = pa.RecordBatch.from_pydict({"y": [[1], [2]], "x": [1.0, 2.0]})
    assert list(to_model_inputs(batch, NUMBER)) == ["x"]
    np.testing.assert_array_equal(TabularEncoder(NUMBER).encode(batch), np.array([[1.0], [2.0]], np.float32))


def test_no_rows_give_no_features() -> None:
    assert TabularEncoder(CATEGORY).encode(pa.table({"x": pa.array([], pa.string())})).shape == (0, 2)


def test_a_missing_column_names_the_nearest() -> None:
    spec = FeatureSpec(features=(NumericFeature(column="radius", fill=0, center=0, scale=1),))
    with pytest.raises(DataError, match=r"'radius'.*did you mean 'radus'"):
        to_model_inputs(pa.table({"radus": [1.0], "other": [2.0]}), spec)


@pytest.mark.parametrize(
    ("spec", "column", "kind"),
    [
        (NUMBER, pa.array(["1.5"]), "string"),
        (NUMBER, pa.array([[1]]), "list"),
        (NUMBER, pa.array([0], pa.timestamp("us")), r"timestamp\[us\]"),
        (CATEGORY, pa.array([1.5]), "double"),
        (HASHED, pa.array([b"1"]), "binary"),
        (TIME, pa.array(["2024-02-29"]), "string"),
        (TIME, pa.array([1_700_000_000]), "int64"),
        (VECTOR, pa.array([[1, 2, 3]], pa.list_(pa.float64(), 3)), "fixed_size_list"),
        (VECTOR, pa.array([["a", "b"]]), "list"),
        (VECTOR, pa.array([1.0]), "double"),
    ],
)
def test_other_types_are_refused(spec: FeatureSpec, column: pa.Array, kind: str) -> None:
    with pytest.raises(DataError, match=f"'x' holds {kind}"):
        to_model_inputs(pa.table({"x": column}), spec)
