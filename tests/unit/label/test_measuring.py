"""Predictions as numbers of items: batches as executors get them, places, ratings, and events there and back."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from dbx_dl.contracts import LabelEvent
from dbx_dl.errors import DataError
from dbx_dl.label.events import to_arrow
from dbx_dl.label.queue.measuring import PLACE, make_measure, to_places
from dbx_dl.label.ratings import ClassRatings
from tests.label_events import make_event


def batch(numbers: list[list[float] | None], **columns: pa.Array) -> pa.RecordBatch:
    keys = pa.array([f"k{place}" for place in range(len(numbers))])
    values = {"item_key": keys, "numbers": pa.array(numbers, pa.list_(pa.float64())), **columns}
    return pa.RecordBatch.from_pydict(values)


def test_rows_of_any_length_are_measured_in_their_order() -> None:
    rows = batch([[0.9, 0.1], None, [0.5, 0.3, 0.2], [], [0.6, 0.4], [0.5, float("nan")]])
    (found,) = make_measure("margin", is_set=False)([rows])
    assert found.schema.names == ["item_key", "uncertainty"]
    assert found.column("uncertainty").to_pylist() == [
        pytest.approx(0.2),
        None,
        pytest.approx(0.8),
        0.0,
        pytest.approx(0.8),
        None,
    ]
    places = pa.array([[1.0]] * 6, pa.list_(pa.float64()))
    (found,) = make_measure("margin", is_set=True)([batch([[0.9, 0.1, 0.6]] * 6, place=places).slice(2, 3)])
    assert found.schema.names == ["item_key", "uncertainty", PLACE]
    assert found.column("item_key").to_pylist() == ["k2", "k3", "k4"]
    assert found.column("uncertainty").to_pylist() == pytest.approx([0.8] * 3)


def test_places_of_one_length() -> None:
    table = pa.table({PLACE: pa.array([[1.0, 2.0], None, [], [3.0, float("inf")], [5.0, 6.0]])})
    places, is_known = to_places(table)
    assert (places.tolist(), is_known.tolist()) == ([[1, 2], [5, 6]], [True, False, False, False, True])
    with pytest.raises(DataError, match="arrays of 1 and of 2 numbers"):
        to_places(pa.table({PLACE: pa.array([[1.0], [1.0, 2.0]])}))
    assert to_places(pa.table({PLACE: pa.array([], pa.list_(pa.float64()))}))[0].shape == (0, 1)


def test_ratings_are_places_in_sorted_names() -> None:
    found = ClassRatings.of([("b", "zoe", "dog"), ("a", "ann", "cat"), ("a", "zoe", "dog")])
    assert (found.item_keys, found.annotator_names, found.class_names) == (("a", "b"), ("ann", "zoe"), ("cat", "dog"))
    assert np.stack([found.items, found.annotators, found.classes]).tolist() == [[0, 0, 1], [0, 1, 1], [0, 1, 1]]
    assert ClassRatings.of([]).items.tolist() == []


def test_events_have_the_columns_of_their_table() -> None:
    table = to_arrow([make_event("1"), make_event("2", withdraws="1")])
    assert table.column_names == list(LabelEvent.model_fields)
    assert table.column("labels").to_pylist() == [["cat"], []]
    assert str(table.schema.field("labelled_at").type) == "timestamp[us, tz=UTC]"
