"""What runs in a Spark Python worker: batches of columns in, prediction structs out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbx_dl.score.inputs.binding import name_arrays
from dbx_dl.score.inputs.pandas_columns import read_from_text
from dbx_dl.score.model.providers import SessionSettings
from dbx_dl.score.model.session import ModelSession, find_session, open_session
from dbx_dl.score.model.shared_models import require_shared
from dbx_dl.score.model.shipping import find_shipped
from dbx_dl.score.outputs.error_limit import InputErrors, limit_errors
from dbx_dl.score.predictions import predict_batches

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from dbx_dl.score.model.plan import ScorePlan

ReadBatch = Callable[["pa.RecordBatch", "ScorePlan"], "pa.RecordBatch"]


@dataclass(frozen=True)
class ShippedModel:
    """Which file a worker opens, how it runs there, and how its columns are bound.

    The file is shipped under `name`, or lies where all machines see it, and `name` is its absolute path.
    Without a `plan` it is the file's own. A task fails where more than `max_error_fraction` of its rows are errors.
    """

    name: str
    sha256: str
    num_threads: int = 1
    settings: SessionSettings | None = None
    plan: ScorePlan | None = None
    max_error_fraction: float | None = None

    @property
    def run_settings(self) -> SessionSettings:
        """How it runs."""
        return self.settings or SessionSettings(self.num_threads)

    def open(self) -> ModelSession:
        """This worker's session; DataError when the file that arrived is another one.

        SetupError when the first provider is not there.
        """
        settings = self.run_settings
        if settings.needs_gpu:
            from dbx_dl.score.model.task_devices import find_device

            settings = settings.on_device(find_device())
        session = find_session(self.sha256, settings)
        if session is None:
            path = require_shared(self.name) if Path(self.name).is_absolute() else find_shipped(self.name)
            session = open_session(path, self.sha256, settings)
        return (session if self.plan is None else session.with_plan(self.plan)).tuned()


def score_arrays(batches: Iterator[pa.Array | tuple[pa.Array, ...]], model: ShippedModel) -> Iterator[pa.StructArray]:
    """Predictions of Arrow columns; the arrays that come out have, in all, as many rows as went in.

    DataError when columns do not fit, or more rows are errors than the model's limit allows.
    """
    yield from _score(([*arrays] if isinstance(arrays, tuple) else [arrays] for arrays in batches), model, _as_it_is)


def score_series(batches: Iterator[Any], model: ShippedModel) -> Iterator[pd.DataFrame]:
    """Predictions of pandas Series (a struct column comes as a DataFrame), equal to those of `score_arrays`."""
    arrays = ([to_arrow(each) for each in (series if isinstance(series, tuple) else [series])] for series in batches)
    for structs in _score(arrays, model, read_from_text):
        yield to_pandas(structs)


def _score(batches: Iterable[Sequence[pa.Array]], model: ShippedModel, read: ReadBatch) -> Iterator[pa.StructArray]:
    import itertools

    session = model.open()
    batches = iter(batches)
    first = next(batches, None)
    if first is None:
        return
    plan = session.plan.for_columns(len(first))
    session, limit, known = session.with_plan(plan), model.max_error_fraction, InputErrors()
    named = (name_arrays(arrays, plan.columns) for arrays in itertools.chain([first], batches))
    if limit is None:
        yield from predict_batches(session, (read(batch, plan) for batch in named))
    else:
        structs = predict_batches(session, (read(known.take(batch), plan) for batch in named))
        yield from limit_errors(structs, limit, known.add)


def _as_it_is(batch: pa.RecordBatch, plan: ScorePlan) -> pa.RecordBatch:
    del plan
    return batch


def to_pandas(structs: pa.StructArray) -> pd.DataFrame:
    """Prediction structs as a DataFrame; probabilities are arrays of float32, integers beside nulls stay integers."""
    import pandas as pd
    import pyarrow as pa

    table = pa.Table.from_arrays(structs.flatten(), [field.name for field in structs.type])
    frame: pd.DataFrame = table.to_pandas(maps_as_pydicts="strict")
    whole = [field.name for field in table.schema if pa.types.is_integer(field.type)]
    for name in whole:
        if table[name].null_count:  # as floats they would lose digits
            dtype = pd.Series([], dtype=table.schema.field(name).type.to_pandas_dtype()).dtype.name.capitalize()
            frame[name] = pd.array(table[name].to_pylist(), dtype=dtype)
    return frame


def to_arrow(column: pd.Series | pd.DataFrame) -> pa.Array:
    """A pandas column as Arrow, a DataFrame as structs."""
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
