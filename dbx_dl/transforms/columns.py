"""Arrow columns become the arrays that an encoder takes: the one place with the null rules."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from dbx_dl.contracts import HistorySpec, StepsSpec, find_text
from dbx_dl.errors import DataError
from dbx_dl.transforms.arrow_values import (
    count_elements,
    to_float64,
    to_joined,
    to_micros,
    to_number_rows,
    to_step_rows,
    to_str,
)
from dbx_dl.transforms.encoder.steps import length_input
from dbx_dl.transforms.encoder.timestamps import null_input
from dbx_dl.transforms.sessions import open_session
from dbx_dl.transforms.tabular import build_encoder
from dbx_dl.transforms.text import group_by_length

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from dbx_dl.contracts import ColumnsSpec
    from dbx_dl.contracts.inputs import AnyFeature

# Rows are converted in pieces whose float64 features stay about this large, and encoded so many at a time: what one
# operator writes is then in the processor's cache for the next, twice as fast for 32 columns of numbers.
_PIECE_BYTES = 32 * 2**20
_ROWS_AT_ONCE = 4096


def to_model_inputs(columns: pa.Table | pa.RecordBatch, spec: ColumnsSpec) -> dict[str, np.ndarray]:
    """The arrays of N rows that the spec's graph takes, by input name; further columns are ignored.

    Numeric features take integers, floats, decimals and booleans and become float64 with NaN for null. Categorical,
    hashed and text features take strings, booleans ("true", "false") and integers and become objects str with "" for
    null: integers beyond 2^53 keep every digit here, and only here. Datetime features take timestamps (UTC where they
    have no time zone) and dates and become int64 microseconds UTC, 0 for null, and a boolean array `<column>_is_null`.
    Embeddings take arrays of numbers and become float64 (N, size), a row of NaN for null and for another length.
    Histories take arrays of strings and become objects str, see `contracts.HistoryFeature`. Numbers by step take arrays
    of any lengths and become float64 (N, L), all of one L of at most `max_steps`, and `<column>_num_steps`, the length
    before any cut. DataError when a column is absent or has another type.
    """
    present = set(columns.schema.names)
    for feature in spec.features:
        if feature.column not in present:
            raise DataError(_missing_column(feature.column, sorted(present)))
    if isinstance(spec, StepsSpec):
        return _convert_steps(columns, spec)
    arrays: dict[str, np.ndarray] = {}
    for feature in spec.features:
        arrays |= _convert(columns.column(feature.column), feature)
    return arrays


def count_steps(columns: pa.Table | pa.RecordBatch, spec: StepsSpec) -> np.ndarray:
    """How many steps each of the columns has, int64 (K, N)."""
    import numpy as np

    return np.stack([count_elements(columns.column(name), name) for name in spec.columns])


def _convert_steps(columns: pa.Table | pa.RecordBatch, spec: StepsSpec) -> dict[str, np.ndarray]:
    import numpy as np

    found = {name: to_step_rows(columns.column(name), name, spec.max_steps) for name in spec.columns}
    longest = max(rows.shape[1] for rows, _ in found.values())
    arrays = {
        name: np.pad(rows, ((0, 0), (0, longest - rows.shape[1])), constant_values=np.nan)
        for name, (rows, _) in found.items()
    }
    return arrays | {length_input(spec): found[spec.columns[0]][1]}


class TabularEncoder:
    """A fitted spec applied with ONNX Runtime in the calling thread; the same graph that models carry."""

    def __init__(self, spec: ColumnsSpec) -> None:
        self._session = open_session(build_encoder(spec, opset=18))
        self.spec = spec
        text = spec.history if isinstance(spec, HistorySpec) else find_text(spec)
        # The column of texts that differ in length, if there is one.
        self._text = None if text is None else text.column

    def encode(self, columns: pa.Table | pa.RecordBatch, out: np.ndarray | None = None) -> np.ndarray:
        """Features float32 (N, *spec.row_shape) of raw columns, int32 ids of a text alone; in `out` if given.

        DataError as `to_model_inputs`.
        """
        import numpy as np

        piece_rows = max(1, _PIECE_BYTES // (8 * self.spec.num_encoded))
        is_small = columns.num_rows <= min(piece_rows, _ROWS_AT_ONCE)
        if out is None and is_small and self._text is None:
            return self._run(to_model_inputs(columns, self.spec))
        features = np.empty((columns.num_rows, *self.spec.row_shape), self.spec.row_dtype) if out is None else out
        for start in range(0, columns.num_rows, piece_rows):
            self._fill(features[start : start + piece_rows], columns.slice(start, piece_rows))
        return features

    def _fill(self, features: np.ndarray, columns: pa.Table | pa.RecordBatch) -> None:
        arrays = to_model_inputs(columns, self.spec)
        if self._text is not None:
            for rows in group_by_length(arrays[self._text]):
                features[rows] = self._run({name: array[rows] for name, array in arrays.items()})
            return
        for start in range(0, len(features), _ROWS_AT_ONCE):
            part = slice(start, start + _ROWS_AT_ONCE)
            features[part] = self._run({name: array[part] for name, array in arrays.items()})

    def _run(self, arrays: dict[str, np.ndarray]) -> np.ndarray:
        features: np.ndarray = self._session.run(None, arrays)[0]
        return features


def _convert(column: pa.Array | pa.ChunkedArray, feature: AnyFeature) -> dict[str, np.ndarray]:
    name = feature.column
    match feature.kind:
        case "numeric":
            return {name: to_float64(column, name)}
        case "categorical" | "hashed" | "text" | "id":
            return {name: to_str(column, name)}
        case "history":
            return {name: to_joined(column, name)}
        case "datetime":
            micros, is_null = to_micros(column, name)
            return {name: micros, null_input(name): is_null}
        case "embedding":
            return {name: to_number_rows(column, name, feature.size)}
        case "steps":
            raise TypeError("numbers by step are converted together")


def _missing_column(name: str, present: list[str]) -> str:
    nearest = difflib.get_close_matches(name, present, n=1, cutoff=0.5)
    hint = f"did you mean {nearest[0]!r}?" if nearest else f"the columns are {', '.join(present) or 'none'}"
    return f"the model needs a column {name!r}, which the rows do not have; {hint}"
