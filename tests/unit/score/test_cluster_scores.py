"""Clusters as fields: the likeliest one, its probability and distances; and models of another size are read back."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from dbx_dl.contracts import Target
from dbx_dl.score.outputs.cluster_scores import ClusterKind, ClusterScores

ROWS = np.array([[0.2, 0.7, 0.1, 1.5, 2.5, -3.0], [0.5, 0.25, 0.25, 0.0, 1.0, 4.0]])


def test_fields_are_those_of_the_likeliest_cluster() -> None:
    part = ClusterScores("clusters", 3)
    columns = part.build(ROWS, tuple(part.fields))
    assert columns["cluster"].type == pa.int32()
    assert {name: column.to_pylist() for name, column in columns.items()} == {
        "cluster": [1, 0],
        "probability": [0.7, 0.5],
        "probabilities": [[0.2, 0.7, 0.1], [0.5, 0.25, 0.25]],
        "distance": [1.5, 0.0],
        "other_distance": [2.5, 1.0],
        "log_density": [-3.0, 4.0],
    }
    assert set(part.build(ROWS, ("cluster", "distance"))) == {"cluster", "distance"}


def test_no_rows_have_fields_too() -> None:
    part = ClusterScores("clusters", 3)
    columns = part.build(part.no_rows(), tuple(part.fields))
    assert set(columns) == set(part.fields) and all(len(column) == 0 for column in columns.values())
    target = Target(task="clustering", column="", num_clusters=3)
    assert ClusterKind().read(pa.table(columns), target).shape == (0, 6)


def test_a_model_of_another_number_of_clusters_is_read_back() -> None:
    part = ClusterScores("clusters", 3)
    found = ClusterKind().read(
        pa.table(part.build(ROWS, tuple(part.fields))), Target(task="clustering", column="", num_clusters=5)
    )
    np.testing.assert_array_equal(found, ROWS)
