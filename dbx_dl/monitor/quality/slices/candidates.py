"""Errors of every slice, counted in Spark: one pass over the rows for single columns, one for pairs of them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from dbx_dl.metrics.welch import Moments, effect_size
from dbx_dl.monitor.quality.slices.cuts import OTHER_PART
from dbx_dl.monitor.scored_rows import WINDOW

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pyspark.sql import Column, DataFrame, Row

    from dbx_dl.config import SlicesConfig
    from dbx_dl.monitor.quality.slices.cuts import Cut

ERROR = "_error"
# A pair of columns by their places among the cuts; a single column is a pair of -1 and itself.
Pair = tuple[int, int]
_ALL = -1


@dataclass(frozen=True)
class Candidate:
    """A slice of one window: parts (place of the cut, number of its part), and the errors inside and elsewhere."""

    window: str
    parts: tuple[tuple[int, int], ...]
    inside: Moments
    rest: Moments

    @property
    def effect(self) -> float:
        """How far errors inside are above those elsewhere, in deviations."""
        return effect_size(self.inside, self.rest)


def place_rows(usable: DataFrame, error: Column, cuts: Sequence[Cut]) -> DataFrame:
    """Window, error, and the part of every cut, `c0`, `c1`, …, of each row that has an error."""
    from pyspark.sql import functions as F

    places = [cut.place().alias(f"c{number}") for number, cut in enumerate(cuts)]
    return usable.select(WINDOW, error.alias(ERROR), *places).where(F.col(ERROR).isNotNull())


def count_windows(placed: DataFrame) -> dict[str, Moments]:
    """The errors of each window as a whole."""
    return {row[WINDOW]: _moments(row) for row in placed.groupBy(WINDOW).agg(*_measures()).collect()}


def count_slices(
    placed: DataFrame, totals: Mapping[str, Moments], pairs: Sequence[Pair], config: SlicesConfig
) -> list[Candidate]:
    """Slices of these pairs of cuts with at least `config.min_rows` rows, and as many elsewhere, in one pass."""
    from pyspark.sql import functions as F

    if not pairs:
        return []
    parts = [
        F.struct(
            F.lit(number).alias("pair"),
            (F.lit(_ALL) if first == _ALL else F.col(f"c{first}")).alias("first"),
            F.col(f"c{second}").alias("second"),
        )
        for number, (first, second) in enumerate(pairs)
    ]
    exploded = placed.select(WINDOW, ERROR, F.inline(F.array(*parts)))
    named = exploded.where((F.col("first") != OTHER_PART) & (F.col("second") != OTHER_PART))
    counted = named.groupBy(WINDOW, "pair", "first", "second").agg(*_measures())
    rows = counted.where(F.col("num_rows") >= config.min_rows).collect()
    found = [_to_candidate(row, pairs[row["pair"]], totals[row[WINDOW]]) for row in rows]
    kept = [candidate for candidate in found if candidate.rest.num_rows >= config.min_rows]
    return sorted(kept, key=lambda candidate: (candidate.window, candidate.parts))


def choose_pairs(num_cuts: int, singles: Sequence[Candidate], max_pairs: int) -> list[Pair]:
    """All pairs of cuts; where they are too many, those of the columns whose slices err most."""
    strengths = [0.0] * num_cuts
    for candidate in singles:
        place = candidate.parts[0][0]
        strengths[place] = max(strengths[place], candidate.effect)
    pairs = list(combinations(range(num_cuts), 2))
    if len(pairs) <= max_pairs:
        return pairs
    ordered = sorted(pairs, key=lambda pair: (-(strengths[pair[0]] + strengths[pair[1]]), pair))
    return sorted(ordered[:max_pairs])


def _measures() -> list[Column]:
    from pyspark.sql import functions as F

    return [F.count("*").alias("num_rows"), F.avg(ERROR).alias("mean"), F.var_samp(ERROR).alias("variance")]


def _moments(row: Row) -> Moments:
    variance = row["variance"]
    # Of one row it is null or NaN.
    is_known = variance is not None and variance == variance
    return Moments(row["num_rows"], row["mean"], variance if is_known else 0.0)


def _to_candidate(row: Row, pair: Pair, total: Moments) -> Candidate:
    inside = _moments(row)
    parts = [(pair[1], row["second"])] if pair[0] == _ALL else [(pair[0], row["first"]), (pair[1], row["second"])]
    return Candidate(row[WINDOW], tuple(parts), inside, total.without(inside))
