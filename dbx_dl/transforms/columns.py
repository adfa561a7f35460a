"""Arrow columns become the arrays that an encoder takes: the one place with the null rules."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from dbx_dl.errors import DataError
from dbx_dl.transforms.tabular import build_encoder

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from dbx_dl.contracts import FeatureSpec


def to_model_inputs(columns: pa.Table | pa.RecordBatch, spec: FeatureSpec) -> dict[str, np.ndarray]:
    """One array of shape (N,) per raw column of the spec, by column name; further columns are ignored.

    Numeric features take integers, floats, decimals and booleans and become float64 with NaN for null. Categorical
    features take strings, booleans ("true", "false") and integers and become object arrays of str with "" for null.
    DataError when a column is absent or has another type.
    """
    present = set(columns.schema.names)
    arrays: dict[str, np.ndarray] = {}
    for feature in spec.features:
        if feature.column not in present:
            raise DataError(_missing_column(feature.column, sorted(present)))
        column = columns.column(feature.column)
        arrays[feature.column] = (
            _to_float64(column, feature.column) if feature.kind == "numeric" else _to_str(column, feature.column)
        )
    return arrays


class TabularEncoder:
    """A fitted spec applied with ONNX Runtime in the calling thread; the same graph that models carry."""

    def __init__(self, spec: FeatureSpec) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        model = build_encoder(spec, opset=18).SerializeToString()
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self.spec = spec

    def encode(self, columns: pa.Table | pa.RecordBatch) -> np.ndarray:
        """Features float32 (N, spec.num_encoded) of raw columns; DataError as in `to_model_inputs`."""
        features: np.ndarray = self._session.run(None, to_model_inputs(columns, self.spec))[0]
        return features


def _to_float64(column: pa.Array | pa.ChunkedArray, name: str) -> np.ndarray:
    import pyarrow as pa
    import pyarrow.types as types

    kind = _value_type(column)
    is_number = types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind)
    if not (is_number or types.is_boolean(kind) or types.is_null(kind)):
        raise DataError(f"column {name!r} holds {kind}, but the model takes numbers there: cast it to double")
    if types.is_boolean(kind):
        column = column.cast(pa.int8())
    values: np.ndarray = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return values


def _to_str(column: pa.Array | pa.ChunkedArray, name: str) -> np.ndarray:
    import pyarrow as pa
    import pyarrow.types as types

    kind = _value_type(column)
    is_text = types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)
    if not (is_text or types.is_boolean(kind) or types.is_integer(kind) or types.is_null(kind)):
        raise DataError(f"column {name!r} holds {kind}, but the model takes categories there: cast it to string")
    values: np.ndarray = column.cast(pa.string()).fill_null("").to_numpy(zero_copy_only=False)
    return values.astype(object, copy=False)


def _value_type(column: pa.Array | pa.ChunkedArray) -> pa.DataType:
    import pyarrow.types as types

    return column.type.value_type if types.is_dictionary(column.type) else column.type


def _missing_column(name: str, present: list[str]) -> str:
    nearest = difflib.get_close_matches(name, present, n=1, cutoff=0.5)
    hint = f"did you mean {nearest[0]!r}?" if nearest else f"the columns are {', '.join(present) or 'none'}"
    return f"the model needs a column {name!r}, which the rows do not have; {hint}"
