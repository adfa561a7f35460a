"""Columns by cluster over all rows of a table, counted in Spark while a model scores them."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dbx_dl.contracts import FileSpec, NumberProfile, NumberSummary, ValueProfile
from dbx_dl.runtime.tables import quote_column, read_pinned
from dbx_dl.score.model.model_file import fetch_model
from dbx_dl.score.udf import scorer_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import Column, DataFrame, SparkSession

    from dbx_dl.contracts import OnnxModel, PreparedTable, Target

logger = logging.getLogger(__name__)

CLUSTER = "_dbx_dl_cluster"
_LABEL = "label_index"
_VALUE_KINDS = ("categorical", "hashed")
# Of columns with more pairs of value and cluster the rarest are left out, of labels last.
_MAX_COUNTS = 20_000
# What a value's share of a cluster or of all rows must be for it to be told.
_LEAST_SHARE = 0.02


@dataclass(frozen=True)
class CountedClusters:
    """Sizes of clusters in rows, and their columns."""

    sizes: tuple[int, ...]
    numbers: tuple[NumberProfile, ...]
    values: tuple[ValueProfile, ...]
    classes: tuple[ValueProfile, ...]


def count_clusters(spark: SparkSession, model: OnnxModel) -> CountedClusters:
    """Every row of the model's table counts once; two jobs score them all."""
    prepared = model.trained.prepared
    columns = [] if isinstance(prepared.inputs, FileSpec) else list(prepared.inputs.features)
    numeric = [feature.column for feature in columns if feature.kind == "numeric"]
    valued = [feature.column for feature in columns if feature.kind in _VALUE_KINDS]
    labels = [_LABEL] if prepared.target.label_names else []
    scored = _score(spark, model.file.path, prepared, [*numeric, *valued, *labels])
    sizes, numbers = _summarize_numbers(scored, numeric, prepared.target.num_clusters)
    counts = _count_values(scored, [*valued, *labels]) if valued or labels else {}
    values = [value for column in valued for value in _share_values(column, counts, sizes)]
    classes = _share_classes(prepared.target, counts, sizes)
    return CountedClusters(sizes, numbers, tuple(values), classes)


def _score(spark: SparkSession, path: str, prepared: PreparedTable, columns: Sequence[str]) -> DataFrame:
    scorer = scorer_of(spark, fetch_model(path))
    rows = read_pinned(spark, prepared.table)
    scorer.check(rows)
    kept = [quote_column(name) for name in dict.fromkeys(columns)]
    scored = rows.select(*kept, scorer().alias("_prediction")).where("_prediction.error IS NULL")
    return scored.selectExpr(*kept, f"_prediction.cluster AS {CLUSTER}")


def _summarize_numbers(
    scored: DataFrame, columns: Sequence[str], num_clusters: int
) -> tuple[tuple[int, ...], tuple[NumberProfile, ...]]:
    from pyspark.sql import functions as F

    measures: list[Column] = [F.count(F.lit(1)).alias("num_rows")]
    for place, column in enumerate(columns):
        number = F.expr(f"try_cast({quote_column(column)} AS double)")
        finite = F.when(~F.isnan(number) & (F.abs(number) < float("inf")), number)
        for name, measure in (("mean", F.avg), ("deviation", F.stddev_pop)):
            measures.append(measure(finite).alias(f"{name}_{place}"))
        measures.append(F.percentile_approx(finite, 0.5).alias(f"median_{place}"))
    found: dict[int | None, Any] = {row[CLUSTER]: row for row in scored.rollup(CLUSTER).agg(*measures).collect()}
    groups = [found.get(cluster) for cluster in range(num_clusters)]
    sizes = tuple(0 if row is None else int(row["num_rows"]) for row in groups)
    profiles = (
        NumberProfile(
            column=column,
            whole=_read_summary(found.get(None), place),
            clusters=tuple(_read_summary(row, place) for row in groups),
        )
        for place, column in enumerate(columns)
    )
    return sizes, tuple(profiles)


def _read_summary(row: Any, place: int) -> NumberSummary:
    names = ("mean", "median", "deviation")
    return NumberSummary(**{name: None if row is None else row[f"{name}_{place}"] for name in names})


def _count_values(scored: DataFrame, columns: Sequence[str]) -> dict[tuple[str, str], dict[int, int]]:
    """Rows by column and value, then by cluster; null and an empty text are the same value."""
    from pyspark.sql import functions as F

    pairs = [
        F.struct(
            F.lit(column).alias("column"),
            F.coalesce(F.col(quote_column(column)).cast("string"), F.lit("")).alias("value"),
        )
        for column in columns
    ]
    exploded = scored.select(CLUSTER, F.explode(F.array(*pairs)).alias("pair"))
    is_label = F.col("pair.column") == F.lit(_LABEL)
    counted = exploded.groupBy(CLUSTER, "pair").count().orderBy(is_label.desc(), F.desc("count"))
    return _gather_counts(counted.limit(_MAX_COUNTS + 1).collect())


def _gather_counts(rows: Sequence[Any]) -> dict[tuple[str, str], dict[int, int]]:
    """Counts of at most so many rows; a warning where there are more."""
    if len(rows) > _MAX_COUNTS:
        logger.warning("columns have more than %d values by cluster: the rarest are left out", _MAX_COUNTS)
    found: dict[tuple[str, str], dict[int, int]] = {}
    for row in rows[:_MAX_COUNTS]:
        key = (row["pair"]["column"], row["pair"]["value"])
        found.setdefault(key, {})[row[CLUSTER]] = row["count"]
    return found


def _share_classes(
    target: Target, counts: dict[tuple[str, str], dict[int, int]], sizes: Sequence[int]
) -> tuple[ValueProfile, ...]:
    """Classes that rows have, in the target's order and by their names."""
    shares = {profile.value: profile for profile in _share_values(_LABEL, counts, sizes, least=0.0)}
    return tuple(
        shares[str(number)].model_copy(update={"column": target.column, "value": name})
        for number, name in enumerate(target.label_names)
        if str(number) in shares
    )


def _share_values(
    column: str,
    counts: dict[tuple[str, str], dict[int, int]],
    sizes: Sequence[int],
    least: float = _LEAST_SHARE,
) -> list[ValueProfile]:
    """Values of a column, the most frequent first, that have the least share somewhere."""
    profiles = []
    for (owner, value), by_cluster in counts.items():
        if owner != column:
            continue
        shares = tuple(by_cluster.get(cluster, 0) / max(size, 1) for cluster, size in enumerate(sizes))
        whole = sum(by_cluster.values()) / max(sum(sizes), 1)
        if max(whole, *shares) >= least:
            profiles.append(ValueProfile(column=column, value=value, whole=whole, clusters=shares))
    return sorted(profiles, key=lambda profile: (-profile.whole, profile.value))
