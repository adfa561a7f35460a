"""Outputs that are sequences of tensors: which part of them is a row's, and that part as nested arrays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from dbx_dl.errors import ConfigError, DataError
from tests import foreign_models as foreign
from tests.foreign_models import BOOL, FLOAT, HALF, INT64, STRING
from tests.unit.score.model.test_foreign_models import open_with, score


@pytest.mark.parametrize(
    ("dtype", "shape", "keepdims", "sql", "cells", "expected"),
    [
        (FLOAT, [2], 0, "array<float>", [[1.0, 2.0], [3.0, 4.0]], None),
        (HALF, [2], 1, "array<array<float>>", [[1.0, 2.0], [3.0, 4.0]], [[[1.0, 2.0]], [[3.0, 4.0]]]),
        (INT64, [], 0, "bigint", [2**60, 5, 7], None),
        (STRING, [2], 0, "array<string>", [["a", "ä"], ["", "c"]], None),
        (BOOL, [2, 1], 0, "array<array<boolean>>", [[[True], [False]]], None),
    ],
)
def test_a_sequence_over_rows_gives_each_row_its_entry(
    tmp_path: Path, dtype: int, shape: list, keepdims: int, sql: str, cells: list, expected: list | None
) -> None:
    try:
        session = open_with(foreign.write_entries(tmp_path / "m.onnx", dtype, shape, keepdims=keepdims))
    except DataError as error:
        if "NOT_IMPLEMENTED" in str(error):
            pytest.skip(f"ONNX Runtime {onnxruntime.__version__} does not split tensors of this type")
        raise
    assert session.plan.fields == {"parts": sql, "error": "string"}
    assert [row["parts"] for row in score(session, {"x": cells})] == (expected or cells)
    assert [row["parts"] for row in score(session, {"x": [None, *cells]})] == [None, *(expected or cells)]


def test_entries_may_differ_in_length(tmp_path: Path) -> None:
    session = open_with(foreign.write_ragged_entries(tmp_path / "m.onnx"))
    assert session.plan.fields["parts"] == "array<bigint>"
    rows = score(session, {"x": [3, 0, None, 1]})
    assert [row["parts"] for row in rows] == [[0, 1, 2], [], None, [0]]


@pytest.mark.parametrize("dtype", [FLOAT, STRING])
def test_a_sequence_of_tensors_gives_each_row_its_slices(tmp_path: Path, dtype: int) -> None:
    cells: list[Any] = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]
    if dtype == STRING:
        cells = [[str(cell) for cell in row] for row in cells]
    session = open_with(foreign.write_slices(tmp_path / "m.onnx", dtype))
    assert session.plan.fields["parts"] == f"array<array<{'string' if dtype == STRING else 'float'}>>"
    rows = score(session, {"x": [*cells, None]})
    assert [row["parts"] for row in rows] == [*([row[:2], row[2:]] for row in cells), None]
    even = foreign.helper.make_node("SequenceConstruct", ["x", "x"], ["parts"])
    session = open_with(foreign.write_sequence(tmp_path / "even.onnx", even, dtype, [3]))
    assert [row["parts"] for row in score(session, {"x": cells})] == [[row, row] for row in cells]


@pytest.mark.parametrize("num_rows", [1, 4, 6])
def test_frozen_batches_are_filled_up_and_cut(tmp_path: Path, num_rows: int) -> None:
    cells = [[row, row + 1.0, 1.0] for row in range(num_rows)]
    entries = open_with(foreign.write_entries(tmp_path / "e.onnx", FLOAT, [3], rows=4))
    assert [row["parts"] for row in score(entries, {"x": cells})] == cells
    slices = open_with(foreign.write_slices(tmp_path / "s.onnx", rows=4))
    assert [row["parts"] for row in score(slices, {"x": cells})] == [[row[:2], row[2:]] for row in cells]


def test_a_row_that_is_not_finite_or_fails_costs_no_other(tmp_path: Path) -> None:
    large = foreign.helper.make_node("Mul", ["x", "x"], ["large"])
    node = foreign.helper.make_node("SplitToSequence", ["large", "twos"], ["parts"], axis=1)
    session = open_with(foreign.write_sequence(tmp_path / "m.onnx", node, FLOAT, [3], more=[large]))
    rows = score(session, {"x": [[1.0, 2.0, 3.0], [1.0, 1e30, 1.0], [0.0, 0.0, 2.0]]})
    assert [row["parts"] for row in rows] == [[[1.0, 4.0], [9.0]], None, [[0.0, 0.0], [4.0]]]
    assert rows[1]["error"].startswith("not_finite")
    ragged = open_with(foreign.write_ragged_entries(tmp_path / "r.onnx"))
    assert [row["parts"] for row in score(ragged, {"x": np.array([2, 0])})] == [[0, 1], []]


def test_what_is_not_of_rows_is_refused_and_can_be_left_out(tmp_path: Path) -> None:
    reduced = foreign.helper.make_node("ReduceSum", ["x"], ["all"], keepdims=0)
    node = foreign.helper.make_node("SequenceConstruct", ["all"], ["parts"])
    path = foreign.write_sequence(tmp_path / "m.onnx", node, FLOAT, [3], more=[reduced])
    with pytest.raises(DataError, match="output parts: sequence of float32 tensors cannot be a column"):
        _ = open_with(path)
    # Four entries of four rows each: of a file that is frozen to four rows, nobody can tell.
    four = foreign.helper.make_node("SequenceConstruct", ["x"] * 4, ["parts"])
    with pytest.raises(DataError, match="cannot be a column"):
        _ = open_with(foreign.write_sequence(tmp_path / "four.onnx", four, FLOAT, [3], rows=4))
    with pytest.raises(ConfigError, match="does not hold a number per class"):
        _ = open_with(foreign.write_slices(tmp_path / "s.onnx"), scores="parts")
