"""Texts with a label for each token: as many labels as tokens, in every row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from dbx_dl.config import TextColumn
from dbx_dl.contracts import TextSpec
from dbx_dl.errors import DataError
from dbx_dl.runtime.tables import quote_column
from dbx_dl.transforms.arrow_values import to_str
from dbx_dl.transforms.text import TextSplitter

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

    from dbx_dl.config import ColumnConfig
    from dbx_dl.contracts import ColumnsSpec, TaskName


def count_frames(task: TaskName, spec: ColumnsSpec) -> int:
    """Steps that can have a label; 0 where rows have one label altogether."""
    return spec.text.max_length if task == "frames" and isinstance(spec, TextSpec) else 0


def require_aligned(good: DataFrame, columns: Mapping[str, ColumnConfig], key_column: str) -> None:
    """DataError unless the table has a text whose tokens are as many as the row's labels, in all good rows."""
    from pyspark.sql import functions as F

    name, column = next(((n, c) for n, c in columns.items() if isinstance(c, TextColumn)), (None, None))
    if name is None or column is None:
        raise DataError("`task: frames` needs a column of `kind: text`, whose tokens the labels are for")
    given = good.select(
        F.col(quote_column(key_column)).cast("string").alias("key"),
        F.col(quote_column(name)).alias("text"),
        F.size("label").alias("labels"),
    )
    counted = given.mapInArrow(make_counter(column.pattern, column.lowercase), "key string, labels int, tokens int")
    wrong = counted.where("labels != tokens")
    first = F.min(F.struct("key", "labels", "tokens")).alias("first")
    found = wrong.agg(F.count("*").alias("rows"), first).collect()[0]
    if found["rows"]:
        key, num_labels, num_tokens = found["first"]
        raise DataError(
            f"{found['rows']} rows have not one label for each token of {name!r}, such as {key!r} with {num_labels} "
            f"labels for {num_tokens} tokens: is pattern {column.pattern!r} right? Else mend these rows, or take them "
            "out"
        )


def make_counter(pattern: str, lowercase: bool) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """The function that counts tokens on the executors."""

    def count_batches(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        splitter = TextSplitter(pattern, lowercase=lowercase)
        for batch in batches:
            numbers = splitter.count(to_str(batch.column("text"), "text"))
            columns = {"key": batch.column("key"), "labels": batch.column("labels"), "tokens": pa.array(numbers)}
            yield pa.RecordBatch.from_pydict(columns)

    return count_batches
