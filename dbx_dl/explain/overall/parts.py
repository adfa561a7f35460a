"""Work that falls into parts, each of which any worker of Spark can do with a model and the same few rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dbx_dl.errors import DataError
from dbx_dl.explain.worker import bind_background
from dbx_dl.runtime.slots import count_slots
from dbx_dl.runtime.sources import explain_read_errors

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray
    from pyspark.sql import SparkSession

    from dbx_dl.score.model.session import ModelSession
    from dbx_dl.score.worker import ShippedModel

# What a worker makes of a loaded model, input arrays and some parts: for each a value that JSON can hold.
Work = Callable[["ModelSession", "dict[str, NDArray[Any]]", "Sequence[Any]"], "list[Any]"]


@dataclass(frozen=True)
class SharedWork:
    """A model, raw rows as an Arrow stream of which none may be unusable, the parts, and what is done for each."""

    model: ShippedModel
    stream: bytes
    num_rows: int
    parts: tuple[Any, ...]
    work: Work


def do_parts(spark: SparkSession, shared: SharedWork) -> list[Any]:
    """The answers, in the order of the parts; DataError when the model cannot take a row."""

    def answer(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        from dbx_dl.explain.overall.parts import answer_parts

        for batch in batches:
            numbers = batch.column(0).to_pylist()
            answers = answer_parts(shared, numbers)
            yield pa.RecordBatch.from_pydict({"part": pa.array(numbers, pa.int64()), "answer": answers})

    slots = max(1, count_slots(spark))
    numbers = spark.range(0, len(shared.parts), 1, min(slots, max(1, len(shared.parts))))
    with explain_read_errors("the work"):
        rows = numbers.mapInArrow(answer, "part bigint, answer string").collect()
    found = {row["part"]: json.loads(row["answer"]) for row in rows}
    return [found[number] for number in range(len(shared.parts))]


def answer_parts(shared: SharedWork, numbers: list[int]) -> list[str]:
    """The answers to some of the parts, as JSON."""
    session = shared.model.open()
    rows = bind_background(shared.stream, session.plan)
    found = len(next(iter(rows.values()), ()))
    if found < shared.num_rows:
        raise DataError(f"the model cannot take {shared.num_rows - found} of {shared.num_rows} rows of its own table")
    return [json.dumps(answer) for answer in shared.work(session, rows, [shared.parts[number] for number in numbers])]
