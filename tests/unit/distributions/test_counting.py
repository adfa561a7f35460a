"""Batches of measured rows are counted the same however they are cut, and vectors become moments."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from dbx_dl.distributions.cells import NAMED, NULLS, SUMS, CellCounter, Place, read_vectors
from dbx_dl.distributions.counting import make_counter
from dbx_dl.distributions.measures import Measure
from dbx_dl.distributions.projection import MAX_AXES, project

PLACES = (
    Place(Measure("x", "number"), edges=(0.0, 1.0)),
    Place(Measure("label", "category", is_input=False), values=("a", "b"), names_others=True),
    Place(Measure("v", "vector", size=2)),
    Place(Measure("image", "hash", "hash")),
)


def make_batch() -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(
        {
            "window": pa.array(["one", "two", "one", None, "one"]),
            "_is_input_there": pa.array([True, True, None, True, True]),
            "m0": pa.array([0.5, float("nan"), 0.5, 0.5, None], pa.float64()),
            "m1": pa.array(["a", None, "b", "a", "c"]),
            "m2": pa.array([[1.0, 2.0], [1.0, None], [5.0, 5.0], None, [3.0, 4.0]], pa.list_(pa.float64())),
            "m3": pa.array([7, 7, 8, 8, 7], pa.int64()),
        }
    )


def read(batches: list[pa.RecordBatch]) -> dict[tuple[str, int, int], tuple[int, float]]:
    found: dict[tuple[str, int, int], tuple[int, float]] = {}
    for batch in batches:
        for row in batch.to_pylist():
            key = (row["window"], row["place"], row["bin"])
            rows, total = found.get(key, (0, 0.0))
            found[key] = (rows + row["num_rows"], total + row["total"])
    return found


def test_every_kind_is_counted_by_window() -> None:
    found = read(list(make_counter(PLACES)([make_batch()])))
    assert found == {
        ("one", 0, 1): (1, 0.0),
        ("one", 0, NULLS): (1, 0.0),
        ("one", 0, SUMS): (1, 0.5),
        ("two", 0, NULLS): (1, 0.0),
        ("one", 1, 0): (1, 0.0),
        ("one", 1, 1): (1, 0.0),
        ("one", 1, 2): (1, 0.0),
        ("one", 1, NAMED): (1, 0.0),
        ("two", 1, NULLS): (1, 0.0),
        ("one", 2, 0): (2, 4.0),
        ("one", 2, 1): (2, 6.0),
        ("one", 2, 2): (2, 10.0),
        ("one", 2, 3): (2, 14.0),
        ("one", 2, 4): (2, 20.0),
        ("two", 2, NULLS): (1, 0.0),
        ("one", 3, 7): (2, 0.0),
        ("two", 3, 7): (1, 0.0),
    }


def test_how_rows_are_cut_into_batches_and_parts_does_not_matter() -> None:
    batch = make_batch()
    cut = [batch.slice(i, 1) for i in range(batch.num_rows)]
    whole = read(list(make_counter(PLACES)([batch])))
    assert read(list(make_counter(PLACES)(cut))) == whole
    assert read([part for piece in cut for part in make_counter(PLACES)([piece])]) == whole


def test_a_part_without_rows_has_no_cells() -> None:
    assert CellCounter(PLACES).to_batch().num_rows == 0
    assert read(list(make_counter(PLACES)([make_batch().slice(0, 0)]))) == {}


def test_other_values_are_named_the_most_frequent_first() -> None:
    place = Place(Measure("c", "category"), values=("known",), names_others=True)
    texts = [
        "known",
        *(f"often {i}" for i in range(20)),
        *(f"often {i}" for i in range(20)),
        *(f"once {i}" for i in range(50)),
    ]
    size = len(texts)
    batch = pa.RecordBatch.from_pydict({"window": ["w"] * size, "_is_input_there": [True] * size, "m0": texts})
    (found,) = make_counter([place])([batch])
    named = {row["text"]: row["num_rows"] for row in found.to_pylist() if row["bin"] == NAMED}
    assert named == {f"often {i}": 2 for i in range(20)}


def test_vectors_that_are_not_whole_are_left_out() -> None:
    column = pa.array([[1.0, 2.0], None, [1.0], [1.0, None], [float("inf"), 0.0], [3.0, 4.0]], pa.list_(pa.float64()))
    np.testing.assert_array_equal(read_vectors(column, 2), [[1.0, 2.0], [3.0, 4.0]])
    np.testing.assert_array_equal(read_vectors(column.slice(5), 2), [[3.0, 4.0]])
    assert read_vectors(column.slice(1, 1), 2).shape == (0, 2)


def test_long_vectors_keep_their_distances_about() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(200, 500))
    short = project(vectors)
    assert short.shape == (200, MAX_AXES)
    np.testing.assert_allclose(project(vectors[:3]), short[:3], atol=1e-12)
    ratio = np.square(short).sum() / np.square(vectors).sum()
    assert ratio == pytest.approx(1.0, abs=0.05)
    np.testing.assert_array_equal(project(vectors[:, :10]), vectors[:, :10])
