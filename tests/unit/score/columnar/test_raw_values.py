"""Which stored values have no place among a model's inputs."""

from __future__ import annotations

import pyarrow as pa

from dbx_dl.contracts import EmbeddingFeature, FeatureSpec
from dbx_dl.score.columnar.raw_values import read_inputs


def test_numbers_beneath_null_arrays_are_no_errors() -> None:
    arrays = pa.ListArray.from_arrays(
        pa.array([0, 2, 4, 6], pa.int32()), pa.array([1.0, 2, None, 3, 4, None]), mask=pa.array([False, True, False])
    )
    spec = FeatureSpec(
        features=(EmbeddingFeature(column="e", size=2, fill=(0.0,) * 2, center=(0.0,) * 2, scale=(1.0,) * 2),)
    )
    _, errors = read_inputs(pa.RecordBatch.from_pydict({"e": arrays}), spec, ("e",), ())
    assert list(errors) == [2]
