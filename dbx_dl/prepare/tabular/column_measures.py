"""What the train split tells of every raw column: one aggregation over all of them, one count of values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from dbx_dl.distributions.bins import EDGE_SHARES
from dbx_dl.distributions.value_counts import count_distinct, count_values
from dbx_dl.prepare.tabular.step_measures import StepMeasures, measure_steps
from dbx_dl.prepare.tabular.token_measures import TokenMeasures, measure_tokens
from dbx_dl.runtime.tables import quote_column

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, Row

    from dbx_dl.config import ColumnConfig

PROFILE_QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
NUM_TOP = 20
# The rank of a quantile is off by at most a share of 1 / accuracy; up to that many rows it is exact.
QUANTILE_ACCURACY = 10_000
LABEL = "label"


@dataclass(frozen=True)
class ColumnMeasures:
    """Statistics of one column's values that are not null; booleans count as 0 and 1, timestamps in seconds.

    `quantiles` are values of the column, by probability: the first one whose rank reaches that share. `deviation` is
    the population's, and so is the `covariance` with a label of numbers. `top` has the most frequent values and one
    more, with their counts, ties by name; it is empty where values are not counted. `has_all` says that `top` has all
    values: then `num_distinct` is exact. `tokens` are those of texts, `steps` those of numbers by step,
    all of which count as the column's values.
    """

    num_rows: int
    num_values: int
    num_distinct: int | None = None
    minimum: float | None = None
    maximum: float | None = None
    mean: float | None = None
    deviation: float | None = None
    covariance: float | None = None
    quantiles: dict[float, float] = field(default_factory=dict)
    top: tuple[tuple[str, int], ...] = ()
    has_all: bool = False
    tokens: TokenMeasures | None = None
    steps: StepMeasures | None = None

    @property
    def num_nulls(self) -> int:
        """Rows without a value."""
        return self.num_rows - self.num_values

    @property
    def is_constant(self) -> bool:
        """Whether all values, of which there are some, are the same."""
        if self.minimum is not None:
            return self.minimum == self.maximum
        return len(self.top) == 1


def measure_columns(
    train: DataFrame, columns: Mapping[str, ColumnConfig], max_categories: int, *, has_number_label: bool = False
) -> dict[str, ColumnMeasures]:
    """Measures of typed columns (as `check_rows` makes them, without ignored ones) over the rows of `train`.

    With `has_number_label` the column `label` is double and measured too, and every number's covariance with it.
    """
    from pyspark.sql import functions as F

    columns = {name: column for name, column in columns.items() if column.kind != "ignore"}
    aggregates = [F.count("*").alias("rows")]
    for i, (name, column) in enumerate(columns.items()):
        aggregates += _list_aggregates(name, column, i, has_number_label)
    if has_number_label:
        aggregates += _list_number_aggregates(F.col(LABEL), len(columns), (), False)
    found = train.agg(*aggregates).collect()[0]
    limits = {name: limit for name, column in columns.items() if (limit := _count_limit(column, max_categories))}
    numbers = {name for name, column in columns.items() if column.kind == "numeric"}
    top = count_values(train, limits, numbers) if limits else {}
    measures = {
        name: _read_measures(found, i, _list_probabilities(column), top.get(name, ()), limits.get(name, 0))
        for i, (name, column) in enumerate(columns.items())
    }
    for name, column in columns.items():
        if column.kind == "text":
            measures[name] = replace(measures[name], tokens=measure_tokens(train, name, column))
    names = [name for name, column in columns.items() if column.kind == "steps"]
    for name, steps in (measure_steps(train, names) if names else {}).items():
        measures[name] = _add_steps(measures[name], steps)
    if has_number_label:
        measures[LABEL] = _read_measures(found, len(columns), PROFILE_QUANTILES, (), 0)
    return measures


def _add_steps(measures: ColumnMeasures, steps: StepMeasures) -> ColumnMeasures:
    if not steps.num_numbers:
        return replace(measures, steps=steps)
    numbers = {name: getattr(steps, name) for name in ("minimum", "maximum", "mean", "deviation")}
    return replace(measures, steps=steps, **numbers)


def as_number(name: str, kind: str) -> Column:
    """A typed numeric, boolean or datetime column as double; timestamps in seconds since 1970."""
    from pyspark.sql import functions as F

    column = F.col(quote_column(name))
    return F.unix_micros(column) / F.lit(1e6) if kind == "datetime" else column


def _list_aggregates(name: str, column: ColumnConfig, i: int, has_number_label: bool) -> list[Column]:
    from pyspark.sql import functions as F

    if column.kind in ("numeric", "boolean", "datetime"):
        number = as_number(name, column.kind)
        return _list_number_aggregates(number, i, _list_probabilities(column), has_number_label)
    aggregates = [F.count(quote_column(name)).alias(f"count_{i}")]
    if column.kind == "categorical":
        aggregates.append(count_distinct(F.col(quote_column(name))).alias(f"distinct_{i}"))
    return aggregates


def _list_number_aggregates(
    number: Column, i: int, probabilities: tuple[float, ...], has_number_label: bool
) -> list[Column]:
    from pyspark.sql import functions as F

    shares = F.array(*(F.lit(share) for share in probabilities or PROFILE_QUANTILES))
    aggregates = {
        "count": F.count(number),
        "distinct": count_distinct(number),
        "min": F.min(number),
        "max": F.max(number),
        "mean": F.avg(number),
        "deviation": F.stddev_pop(number),
        "quantiles": F.percentile_approx(number, shares, QUANTILE_ACCURACY),
    }
    if has_number_label:
        # Not corr, which divides by zero where a column is constant.
        aggregates["covariance"] = F.covar_pop(number, LABEL)
    return [aggregate.alias(f"{key}_{i}") for key, aggregate in aggregates.items()]


def _list_probabilities(column: ColumnConfig) -> tuple[float, ...]:
    clip = column.clip_quantiles if column.kind == "numeric" and column.clip_quantiles else ()
    return (*PROFILE_QUANTILES, *EDGE_SHARES, *clip)


def _count_limit(column: ColumnConfig, max_categories: int) -> int:
    """How many of the most frequent values are needed; 0 where values are not counted."""
    if column.kind == "categorical":
        kept = 0 if column.hash_buckets else column.max_categories or max_categories
        return max(kept, NUM_TOP) + 1
    return 1 if column.kind == "numeric" and column.impute == "most_frequent" else 0


def _read_measures(
    found: Row, i: int, probabilities: tuple[float, ...], top: tuple[tuple[str, int], ...], limit: int
) -> ColumnMeasures:
    values = found.asDict()

    def read(key: str) -> float | None:
        value = values.get(f"{key}_{i}")
        return None if value is None else float(value)

    distinct, has_all = values.get(f"distinct_{i}"), 0 < len(top) < limit
    quantiles = values.get(f"quantiles_{i}") or ()
    return ColumnMeasures(
        num_rows=found["rows"],
        num_values=found[f"count_{i}"],
        num_distinct=len(top) if has_all else distinct,
        minimum=read("min"),
        maximum=read("max"),
        mean=read("mean"),
        deviation=read("deviation"),
        covariance=read("covariance"),
        quantiles=dict(zip(probabilities, quantiles, strict=bool(quantiles))),
        top=top,
        has_all=has_all,
    )
