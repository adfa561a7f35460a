"""Predictions as what a queue compares: how unsure the model is of an item, and where it is among the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from dbx_dl.errors import DataError
from dbx_dl.label.queue.uncertainty import measure_set_uncertainty, measure_uncertainty
from dbx_dl.label.scores import as_numbers, choose_column

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray
    from pyspark.sql import Column, DataFrame

    from dbx_dl.config.label import QueueConfig, UncertaintyName
    from dbx_dl.contracts import LabelTask

PLACE = "place"
_NUMBERS = "numbers"
_MEASURED = "item_key string, uncertainty double"


def measure_items(rows: DataFrame, task: LabelTask, queue: QueueConfig, what: str) -> DataFrame:
    """item_key, uncertainty (null where it is unknown, 0 where it is not asked) and PLACE, where that is asked."""
    from pyspark.sql import functions as F

    places = []
    if queue.is_spread:
        places = [as_numbers(rows, choose_place(rows, queue, what), what).alias(PLACE)]
    by = queue.uncertainty
    if by is None:
        return rows.select("item_key", F.lit(0.0).alias("uncertainty"), *places)
    numbers = _read_probabilities(rows, task, what).alias(_NUMBERS)
    schema = _MEASURED + (f", {PLACE} array<double>" if places else "")
    is_set = task in ("label_sets", "boxes")
    return rows.select("item_key", numbers, *places).mapInArrow(make_measure(by, is_set=is_set), schema)


def _read_probabilities(rows: DataFrame, task: LabelTask, what: str) -> Column:
    from pyspark.sql import functions as F

    if task == "boxes":
        choose_column(rows, ("boxes",), what)
        return F.transform(F.col("boxes"), lambda box: box["probability"]).cast("array<double>")
    return as_numbers(rows, choose_column(rows, ("probabilities",), what), what)


def make_measure(
    by: UncertaintyName, *, is_set: bool
) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """The function that executors run: rows with arrays of probabilities in, their uncertainty in place of these out.

    Rows may have arrays of different lengths; an empty one is certain, a missing one unknown (null).
    """

    def measure(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        for batch in batches:
            numbers = batch.column(_NUMBERS)
            columns = {name: batch.column(name) for name in batch.schema.names if name != _NUMBERS}
            found = pa.array(_measure_lists(numbers, by, is_set), from_pandas=True)
            columns = {"item_key": columns.pop("item_key"), "uncertainty": found, **columns}
            yield pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))

    return measure


def _measure_lists(lists: pa.Array, by: UncertaintyName, is_set: bool) -> NDArray[np.float64]:
    import numpy as np

    measure = measure_set_uncertainty if is_set else measure_uncertainty
    lengths = np.array([-1 if n is None else n for n in lists.value_lengths().to_pylist()], np.int64)
    found = np.full(len(lengths), np.nan)
    for length in np.unique(lengths[lengths >= 0]).tolist():
        places = np.flatnonzero(lengths == length)
        values = lists.take(places).flatten().to_numpy(zero_copy_only=False).reshape(len(places), length)
        found[places] = measure(values.astype(np.float64), by) if length else 0.0
    return found


def choose_place(rows: DataFrame, queue: QueueConfig, what: str) -> str:
    """The column by which items are alike."""
    wanted = (queue.embedding,) if queue.embedding is not None else ("embedding", "probabilities")
    return choose_column(rows, wanted, what)


def to_places(found: pa.Table) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Places (M, K) of the rows that have one, and which these are (N,); DataError where their lengths differ."""
    import numpy as np

    lists = found.column(PLACE).combine_chunks()
    lengths = np.array([-1 if n is None else n for n in lists.value_lengths().to_pylist()], np.int64)
    sizes = np.unique(lengths[lengths > 0])
    if len(sizes) > 1:
        raise DataError(
            f"items to compare have arrays of {sizes[0]} and of {sizes[-1]} numbers: one length is needed, so score "
            "all of them with one model"
        )
    has_place = lengths > 0
    places = np.zeros((int(has_place.sum()), int(sizes[0]) if len(sizes) else 1))
    if len(sizes):
        flat = lists.take(np.flatnonzero(has_place)).flatten().to_numpy(zero_copy_only=False)
        places = flat.astype(np.float64).reshape(len(places), -1)
    is_finite = np.isfinite(places).all(axis=1)
    has_place[np.flatnonzero(has_place)[~is_finite]] = False
    return places[is_finite], has_place
