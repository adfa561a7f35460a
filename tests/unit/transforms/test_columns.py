"""Arrow columns of every type become float64 with NaN or str with an empty string, or are refused by name."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from dbx_dl.contracts import CategoricalFeature, FeatureSpec, NumericFeature
from dbx_dl.errors import DataError
from dbx_dl.transforms.columns import TabularEncoder, to_model_inputs

NUMBER = FeatureSpec(features=(NumericFeature(column="x", fill=0, center=0, scale=1),))
CATEGORY = FeatureSpec(features=(CategoricalFeature(column="x", categories=("a",)),))


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
        (pa.nulls(2), ["", ""]),
        (pa.array([], pa.string()), []),
    ],
)
def test_categories(column: pa.Array, expected: list[str]) -> None:
    values = to_model_inputs(pa.table({"x": column}), CATEGORY)["x"]
    assert values.dtype == object
    assert values.tolist() == expected


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
    [(NUMBER, pa.array(["1.5"]), "string"), (CATEGORY, pa.array([1.5]), "double"), (NUMBER, pa.array([[1]]), "list")],
)
def test_other_types_are_refused(spec: FeatureSpec, column: pa.Array, kind: str) -> None:
    with pytest.raises(DataError, match=f"'x' holds {kind}"):
        to_model_inputs(pa.table({"x": column}), spec)
