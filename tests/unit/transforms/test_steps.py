"""Numbers by step against plain NumPy: filled, scaled, cut, padded, and told from padding by the last number."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pydantic import TypeAdapter

from dbx_dl.contracts import InputSpec, StepsFeature, StepsSpec
from dbx_dl.errors import DataError
from dbx_dl.score.inputs.feature_binding import FeatureBinding
from dbx_dl.score.model.plan import ScorePlan
from dbx_dl.transforms.columns import TabularEncoder, to_model_inputs
from dbx_dl.transforms.tabular import build_encoder, input_names

SPEC = StepsSpec(
    features=(
        StepsFeature(column="x", fill=2.0, center=2.0, scale=0.5),
        StepsFeature(column="y", fill=-1.0),
    ),
    max_steps=4,
)
NAN, INF = float("nan"), float("inf")
ROWS: list[dict[str, Any]] = [
    {"x": [1.0, None, 3.0], "y": [5, 6, 7]},
    {"x": [], "y": []},
    {"x": None, "y": None},
    {"x": [NAN, INF, -INF, 4.0, 9.0, 9.0], "y": [0, 0, 0, 1, 1, 1]},
    {"x": [8.0], "y": [None]},
]
TYPES = pa.schema([("x", pa.list_(pa.float64())), ("y", pa.list_(pa.int32()))])


def encode_plainly(row: dict[str, Any]) -> np.ndarray:
    """A row float32 (4, 3) by the words of `StepsSpec`."""
    found = np.zeros((4, 3), np.float32)
    for place, (x, y) in enumerate(zip(row["x"] or [], row["y"] or [], strict=True)):
        if place < 4:
            numbers = [fill if v is None or not np.isfinite(v) else v for v, fill in ((x, 2.0), (y, -1.0))]
            found[place] = [(numbers[0] - 2) / 0.5, numbers[1], 1]
    return found


@pytest.mark.parametrize("rows", [ROWS, ROWS[:1], ROWS[1:2], ROWS[1:3], ROWS * 300], ids=len)
def test_steps_are_encoded(rows: list[dict[str, Any]]) -> None:
    encoded = TabularEncoder(SPEC).encode(pa.Table.from_pylist(rows, schema=TYPES))
    assert encoded.dtype == np.float32
    np.testing.assert_array_equal(encoded, np.stack([encode_plainly(row) for row in rows]))


def test_inputs_are_arrays_of_one_length_and_the_number_of_steps() -> None:
    arrays = to_model_inputs(pa.Table.from_pylist(ROWS, schema=TYPES), SPEC)
    assert {name: (array.dtype.name, array.shape) for name, array in arrays.items()} == {
        "x": ("float64", (5, 4)),
        "y": ("float64", (5, 4)),
        "x_num_steps": ("int64", (5,)),
    }
    assert arrays["x_num_steps"].tolist() == [3, 0, 0, 6, 1]
    assert [value.name for value in build_encoder(SPEC, 18).graph.input] == input_names(SPEC) == list(arrays)
    empty = to_model_inputs(pa.Table.from_pylist([], schema=TYPES), SPEC)
    assert TabularEncoder(SPEC).encode(pa.Table.from_pylist([], schema=TYPES)).shape == (0, 4, 3)
    assert empty["x"].shape == (0, 1)
    large = pa.table(
        {"x": pa.array([[1.0]], pa.large_list(pa.float32())), "y": pa.array([[1.0]], pa.list_(pa.float64(), 1))}
    )
    np.testing.assert_array_equal(TabularEncoder(SPEC).encode(large)[0, :2], [[-2, 1, 1], [0, 0, 0]])


def test_one_long_row_does_not_make_all_others_as_long() -> None:
    rows = [{"x": [3.0] * length, "y": [0] * length} for length in (2, 300_000, 0, 5)] * 100
    table = pa.concat_tables(
        [pa.Table.from_pylist(rows[:3], schema=TYPES), pa.Table.from_pylist(rows[3:8], schema=TYPES)]
    )
    arrays = to_model_inputs(table, SPEC)
    assert arrays["x"].shape == arrays["y"].shape == (8, 4)
    assert arrays["x_num_steps"].tolist() == [2, 300_000, 0, 5] * 2
    np.testing.assert_array_equal(TabularEncoder(SPEC).encode(table), np.stack([encode_plainly(r) for r in rows[:8]]))


def test_fewer_long_rows_are_bound_at_once() -> None:
    plan = ScorePlan((FeatureBinding(SPEC),), (), batch_bytes=24_000)
    (short,), (long,) = (
        pa.Table.from_pylist([{"x": [1.0] * length, "y": [1] * length}] * 20, schema=TYPES).to_batches()
        for length in (3, 1000)
    )
    assert (plan.limit_rows(short) >= 20, plan.limit_rows(long)) == (True, 1)


def test_rows_of_uneven_arrays_are_errors() -> None:
    uneven = [*ROWS[:2], {"x": [1.0, 2.0], "y": [1]}, ROWS[4]]
    (batch,) = pa.Table.from_pylist(uneven, schema=TYPES).to_batches()
    bound = FeatureBinding(SPEC).bind(batch)
    assert bound.rows.tolist() == [0, 1, 3]
    assert bound.errors == {2: "uneven_steps: arrays of one row must be equally long, these have: 'x' 2, 'y' 1"}
    assert bound.inputs["x_num_steps"].tolist() == [3, 0, 1]
    assert FeatureBinding(SPEC).bind(batch.slice(0, 2)).errors == {}


def test_what_is_no_array_of_numbers_is_told() -> None:
    for column in (pa.array([1.0]), pa.array([["a"]])):
        with pytest.raises(DataError, match=r"column 'x' holds .*, but the model takes arrays of numbers there"):
            to_model_inputs(pa.table({"x": column, "y": pa.array([[1.0]])}), SPEC)
    named = StepsSpec(
        features=(StepsFeature(column="a", fill=0), StepsFeature(column="a_num_steps", fill=0)), max_steps=2
    )
    with pytest.raises(DataError, match="two inputs of the model would be named 'a_num_steps'"):
        build_encoder(named, 18)


def test_a_spec_survives_json() -> None:
    assert TypeAdapter(InputSpec).validate_json(SPEC.model_dump_json()) == SPEC
    assert (SPEC.row_shape, SPEC.num_encoded, SPEC.columns) == ((4, 3), 12, ("x", "y"))
