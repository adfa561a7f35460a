"""Measured rows are counted by window, measure and bin in one pass: batches on the executors, sums by Spark."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dbx_dl.distributions.cells import CELL_SCHEMA, MAX_UNSEEN, NAMED, CellCounter, Place

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, Row

# Hashes that several rows have, and that one has alone.
SHARED, ALONE = 1, 0


@dataclass(frozen=True)
class Cell:
    """Rows of one bin; `total`, `least` and `most` are of numbers under SUMS, `total` of one moment of vectors.

    `rows_by_text` are those of values under NAMED.
    """

    num_rows: int
    total: float
    least: float | None
    most: float | None
    rows_by_text: dict[str, int] = field(default_factory=dict)


Cells = dict[tuple[str, int], dict[int, Cell]]


def count_rows(measured: DataFrame, places: Sequence[Place]) -> Cells:
    """Cells by window and place, then by bin, of the rows of `measure_rows` of the places' measures.

    Only counts and sums leave the executors: at most windows x bins of them, whatever the number of rows. Bins of
    vectors are their moments: the sums of the numbers on each axis, then of the products of two, row by row. Hashes
    are counted as SHARED and ALONE.
    """
    from pyspark.sql import functions as F

    counted = _add_up(measured.mapInArrow(make_counter(places), CELL_SCHEMA))
    hashes = [i for i, place in enumerate(places) if place.measure.kind == "hash"]
    if hashes:
        is_hash = F.col("place").isin(hashes)
        shared = F.when(F.col("num_rows") > 1, SHARED).otherwise(ALONE)
        counted = _add_up(counted.withColumn("bin", F.when(is_hash, shared).otherwise(F.col("bin"))))
    if any(place.names_others for place in places):
        counted = _keep_named(counted)
    return _gather_cells(counted.collect())


def _keep_named(counted: DataFrame) -> DataFrame:
    """The cells with the most frequent named values of each window and place alone, whatever all parts have named."""
    from pyspark.sql import Window as CellWindow
    from pyspark.sql import functions as F

    is_named = F.col("bin") == NAMED
    order = CellWindow.partitionBy("window", "place", is_named).orderBy(F.desc("num_rows"), "text")
    ranked = counted.withColumn("rank", F.row_number().over(order))
    return ranked.where(~is_named | (F.col("rank") <= MAX_UNSEEN)).drop("rank")


def _add_up(parts: DataFrame) -> DataFrame:
    from pyspark.sql import functions as F

    sums = {"num_rows": F.sum, "total": F.sum, "least": F.min, "most": F.max}
    return parts.groupBy("window", "place", "bin", "text").agg(*(add(name).alias(name) for name, add in sums.items()))


def _gather_cells(rows: Sequence[Row]) -> Cells:
    cells: Cells = {}
    for row in rows:
        own = cells.setdefault((row["window"], row["place"]), {})
        cell = own.setdefault(row["bin"], Cell(row["num_rows"], row["total"] or 0.0, row["least"], row["most"]))
        if row["text"] is not None:
            cell.rows_by_text[row["text"]] = row["num_rows"]
    return cells


def make_counter(places: Sequence[Place]) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """The function that the executors run over measured rows: one batch of cells at the end of each part."""

    def count_batches(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        counter = CellCounter(places)
        for batch in batches:
            counter.add(batch)
        yield counter.to_batch()

    return count_batches
