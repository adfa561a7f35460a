"""How the columns of a baseline are distributed: bins are chosen by its own rows, which are then counted in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dbx_dl.contracts import VectorSample
from dbx_dl.distributions.bins import EDGE_SHARES, MAX_VALUES, choose_edges, choose_values
from dbx_dl.distributions.cells import Place, read_vectors
from dbx_dl.distributions.counting import count_rows
from dbx_dl.distributions.measures import IDENTITY, WINDOW, measure_rows
from dbx_dl.distributions.projection import project
from dbx_dl.distributions.reading import read_distributions
from dbx_dl.distributions.value_counts import count_values
from dbx_dl.runtime.kept_rows import kept_on_disk

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from dbx_dl.contracts import Distributions, InputSpec
    from dbx_dl.distributions.counting import Cells
    from dbx_dl.distributions.measures import Measure

# Up to that many rows quantiles are exact.
_ACCURACY = 10_000
# Vectors that a classifier is trained and tested on, of each side.
MAX_SAMPLE = 500


def fit_distributions(
    frame: DataFrame,
    measures: Sequence[Measure],
    *,
    inputs: InputSpec | None = None,
    null_tokens: Sequence[str] = (),
    has_samples: bool = False,
) -> Distributions:
    """How the measures are distributed over the rows of the frame; `has_samples`: with some of the vectors.

    Three passes over the measured columns, which are kept on disk meanwhile: quantiles, frequent values, counts.
    """
    from pyspark.sql import functions as F

    vectors = {i: measure for i, measure in enumerate(measures) if measure.kind == "vector"} if has_samples else {}
    measured = measure_rows(
        frame,
        measures,
        inputs=inputs,
        null_tokens=null_tokens,
        window=F.lit(""),
        is_input_there=F.lit(True),
        has_identity=bool(vectors),
    )
    with kept_on_disk(measured) as rows:
        chosen = choose_places(rows, measures)
        found = chosen.read(count_rows(rows, chosen.places))
        samples = draw_vectors(rows, vectors, chosen.num_rows)
    return found.model_copy(update={"samples": samples})


@dataclass(frozen=True)
class ChosenPlaces:
    """Places by the rows that they were chosen by, of which there were `num_rows`.

    `incomplete` are the places of categories that had other values beside; `deviations` are those of numbers.
    """

    places: tuple[Place, ...]
    num_rows: int
    incomplete: frozenset[int]
    deviations: Mapping[int, float | None]

    def read(self, cells: Cells) -> Distributions:
        """The distributions over these rows, counted without windows."""
        return read_distributions(cells, self.places, "", self.num_rows, self.incomplete, self.deviations)


def choose_places(rows: DataFrame, measures: Sequence[Measure]) -> ChosenPlaces:
    """Bins at the quantiles of the measured rows and the most frequent values of these, in two passes."""
    numbers = [i for i, measure in enumerate(measures) if measure.kind == "number"]
    categories = [i for i, measure in enumerate(measures) if measure.kind == "category"]
    found = rows.agg(*_list_aggregates(numbers)).collect()[0]
    top = count_values(rows, {f"m{i}": MAX_VALUES + 1 for i in categories}) if categories else {}
    places = []
    incomplete = {i for i, measure in enumerate(measures) if measure.kind == "presence"}
    for i, measure in enumerate(measures):
        place = Place(measure)
        if measure.kind == "number":
            edges = choose_edges(found[f"q{i}"] or (), found[f"min{i}"], found[f"max{i}"])
            place = Place(measure, edges=edges)
        elif measure.kind == "category":
            counts = top[f"m{i}"]
            values, is_complete = choose_values(counts, is_complete=len(counts) <= MAX_VALUES)
            place = Place(measure, values=values)
            incomplete |= set() if is_complete else {i}
        places.append(place)
    deviations = {i: found[f"dev{i}"] for i in numbers}
    return ChosenPlaces(tuple(places), int(found["rows"]), frozenset(incomplete), deviations)


def _list_aggregates(numbers: Sequence[int]) -> list[Column]:
    from pyspark.sql import functions as F

    shares = F.array(*(F.lit(share) for share in EDGE_SHARES))
    aggregates = [F.count("*").alias("rows")]
    for i in numbers:
        name = f"m{i}"
        aggregates += [
            F.percentile_approx(name, shares, _ACCURACY).alias(f"q{i}"),
            F.min(name).alias(f"min{i}"),
            F.max(name).alias(f"max{i}"),
            F.stddev_pop(name).alias(f"dev{i}"),
        ]
    return aggregates


def draw_vectors(rows: DataFrame, vectors: Mapping[int, Measure], num_rows: int) -> tuple[VectorSample, ...]:
    """At most MAX_SAMPLE vectors of each measure, by its place: those with the smallest hashes, the same every time."""
    return tuple(
        VectorSample(column=measure.column, vectors=tuple(map(tuple, found)))
        for i, measure in vectors.items()
        for found in [draw_by_window(rows, i, measure, {"": num_rows}).get("", [])]
    )


def draw_by_window(
    rows: DataFrame, i: int, measure: Measure, num_rows: Mapping[str, int]
) -> dict[str, list[list[float]]]:
    """At most MAX_SAMPLE vectors of one measure by window, projected as moments are; `num_rows` has each one's rows.

    `rows` have an IDENTITY: equal vectors of several rows are drawn or not each for itself.
    """
    import pyarrow as pa
    from pyspark.sql import Window as RowWindow
    from pyspark.sql import functions as F

    buckets = 2**20
    chance = F.xxhash64(IDENTITY, f"m{i}")
    bucket = F.pmod(chance, F.lit(buckets))
    # Twice as many as are wanted, so that chance hardly ever leaves too few.
    most = {window: min(buckets, -(-2 * MAX_SAMPLE * buckets // max(1, of))) for window, of in num_rows.items()}
    pairs = [F.lit(part) for window, limit in most.items() for part in (window, limit)]
    if not pairs:
        return {}
    limit = F.try_element_at(F.create_map(*pairs), F.col(WINDOW))
    drawn = rows.where(F.col(f"m{i}").isNotNull() & (bucket < limit)).select(WINDOW, chance.alias("chance"), f"m{i}")
    # Some beside those that are wanted, since vectors that are not whole fall out.
    rank = F.row_number().over(RowWindow.partitionBy(WINDOW).orderBy("chance", f"m{i}"))
    kept = drawn.withColumn("rank", rank).where(F.col("rank") <= 2 * MAX_SAMPLE).orderBy(WINDOW, "rank").collect()
    by_window: dict[str, list[Any]] = {}
    for row in kept:
        by_window.setdefault(row[WINDOW], []).append(row[f"m{i}"])
    found = {}
    for window, lists in by_window.items():
        whole = read_vectors(pa.array(lists, pa.list_(pa.float64())), measure.size)
        found[window] = project(whole)[:MAX_SAMPLE].tolist()
    return found
