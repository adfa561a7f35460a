"""What runs in a Spark Python worker: batches of columns in, prediction structs out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dbx_dl.score.binding import name_columns
from dbx_dl.score.pandas_columns import read_from_text
from dbx_dl.score.predictions import predict_structs
from dbx_dl.score.session import ModelSession, open_model
from dbx_dl.score.shipping import find_shipped

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


@dataclass(frozen=True)
class ShippedModel:
    """Which shipped file a worker opens, and with how many threads."""

    name: str
    sha256: str
    num_threads: int

    def open(self) -> ModelSession:
        """This worker's session; DataError when the file that arrived is another one."""
        return open_model(find_shipped(self.name), self.sha256, self.num_threads)


def score_arrays(batches: Iterator[pa.Array | tuple[pa.Array, ...]], model: ShippedModel) -> Iterator[pa.StructArray]:
    """Predictions of Arrow columns; the arrays that come out have, in all, as many rows as went in."""
    session = model.open()
    for arrays in batches:
        columns = list(arrays) if isinstance(arrays, tuple) else [arrays]
        yield from predict_structs(session, name_columns(columns, session.metadata.inputs))


def score_series(batches: Iterator[Any], model: ShippedModel) -> Iterator[pd.DataFrame]:
    """Predictions of pandas Series (a struct column comes as a DataFrame), equal to those of `score_arrays`."""
    session = model.open()
    for series in batches:
        columns = list(series) if isinstance(series, tuple) else [series]
        arrays = [_to_arrow(column) for column in columns]
        batch = read_from_text(name_columns(arrays, session.metadata.inputs), session.metadata.inputs)
        for structs in predict_structs(session, batch):
            yield to_pandas(structs)


def to_pandas(structs: pa.StructArray) -> pd.DataFrame:
    """Prediction structs as a DataFrame; probabilities are arrays of float32."""
    import pyarrow as pa

    frame: pd.DataFrame = pa.Table.from_arrays(structs.flatten(), [field.name for field in structs.type]).to_pandas()
    return frame


def _to_arrow(column: pd.Series | pd.DataFrame) -> pa.Array:
    import pandas as pd
    import pyarrow as pa

    if isinstance(column, pd.DataFrame):
        arrays = [_series_to_arrow(column[name]) for name in column.columns]
        return pa.StructArray.from_arrays(arrays, names=list(column.columns))
    return _series_to_arrow(column)


def _series_to_arrow(column: pd.Series) -> pa.Array:
    """pandas holds integers with nulls as floats: whole numbers beside NaN become integers again."""
    import pyarrow as pa

    if column.dtype == "float64" and column.hasnans and (column.dropna() % 1 == 0).all():
        return pa.array(column.astype("Int64"), from_pandas=True)
    array = pa.Array.from_pandas(column)
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
