"""Users and arrays of items become ids in the graph: newest first, cut, unknown ones known as such."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from dbx_dl.contracts import HistoryFeature, HistorySpec, IdFeature
from dbx_dl.errors import DataError
from dbx_dl.score.inputs.feature_binding import FeatureBinding
from dbx_dl.transforms.arrow_values import list_owners
from dbx_dl.transforms.columns import TabularEncoder, to_model_inputs

SPEC = HistorySpec(
    users=(IdFeature(column="user", vocabulary=("ann", "bob")), IdFeature(column="town", vocabulary=("x",))),
    history=HistoryFeature(column="history", max_length=3, vocabulary=("a b", "B", "c,d")),
)
ROWS: list[tuple[str | None, str | None, list[str | None] | None]] = [
    ("bob", "x", ["a b", "B", "c,d", "c,d", "a b"]),
    ("eve", None, [None, "", "b"]),
    (None, "y", None),
    ("ann", "x", ["B", None, "c,d"]),
    ("ann", "x", []),
]
# Ids of users begin behind those of the column before; a name in another case is another item.
IDS = [[2, 3, 2, 4, 4], [0, 0, 1, 0, 0], [0, 0, 0, 0, 0], [1, 3, 4, 3, 0], [1, 3, 0, 0, 0]]


STRINGS = pa.list_(pa.string())


def make_rows(kind: pa.DataType = STRINGS) -> pa.Table:
    users, towns, histories = zip(*ROWS, strict=True)
    return pa.table({"user": users, "town": towns, "history": pa.array(histories, kind)})


@pytest.mark.parametrize("kind", [STRINGS, pa.large_list(pa.large_string())], ids=str)
def test_ids_are_those_of_the_last_items(kind: pa.DataType) -> None:
    encoder, rows = TabularEncoder(SPEC), make_rows(kind)
    assert encoder.encode(rows).tolist() == IDS
    for row in range(len(IDS)):
        assert encoder.encode(rows.slice(row, 1)).tolist() == IDS[row : row + 1]
    assert encoder.encode(rows.slice(0, 0)).shape == (0, 5)
    assert encoder.encode(rows).dtype == np.dtype(SPEC.row_dtype)
    assert SPEC.num_user_ids == 4


def test_items_may_be_integers_and_chunks() -> None:
    spec = SPEC.model_copy(update={"users": (), "history": SPEC.history.model_copy(update={"vocabulary": ("7", "12")})})
    histories = pa.chunked_array(
        [pa.array([[7, 12]], pa.list_(pa.int64())), pa.array([[12], None], pa.list_(pa.int64()))]
    )
    assert TabularEncoder(spec).encode(pa.table({"history": histories})).tolist() == [[3, 2, 0], [3, 0, 0], [0, 0, 0]]


def test_other_types_are_refused() -> None:
    rows = make_rows().set_column(2, "history", pa.array(["a"] * len(ROWS)))
    with pytest.raises(DataError, match="column 'history' holds string, but the model takes arrays of strings there"):
        to_model_inputs(rows, SPEC)


def test_values_beneath_null_arrays_do_not_count() -> None:
    beneath = pa.ListArray.from_arrays(
        pa.array([0, 1, 3, 4], pa.int32()), pa.array(["B", "c,d", "c,d", "a b"]), mask=pa.array([False, True, False])
    )
    assert beneath.to_pylist() == [["B"], None, ["a b"]]
    rows = pa.table({"user": ["bob"] * 3, "town": ["x"] * 3, "history": beneath})
    assert TabularEncoder(SPEC).encode(rows)[:, 2:].tolist() == [[3, 0, 0], [0, 0, 0], [2, 0, 0]]
    assert list_owners(beneath).tolist() == [0, 2]
    assert list_owners(pa.chunked_array([beneath, beneath.slice(1)])).tolist() == [0, 2, 4]


@pytest.mark.parametrize("kind", [pa.null(), STRINGS], ids=str)
def test_a_batch_without_any_history_is_bound(kind: pa.DataType) -> None:
    batch = pa.RecordBatch.from_pydict({"user": ["ann"], "town": ["x"], "history": pa.array([None], kind)})
    binding = FeatureBinding(SPEC)
    classes = binding.measure_rows(batch)
    assert classes is None if pa.types.is_null(kind) else classes is not None and classes.shape == (1, 1)
    assert binding.bind(batch).inputs["history"].tolist() == [""]


def test_a_text_for_a_history_is_told_of() -> None:
    batch = pa.RecordBatch.from_pydict({"user": ["ann"], "town": ["x"], "history": ["B"]})
    assert FeatureBinding(SPEC).measure_rows(batch) is None
    with pytest.raises(DataError, match="column 'history' holds string, but the model takes arrays of strings there"):
        FeatureBinding(SPEC).bind(batch)
