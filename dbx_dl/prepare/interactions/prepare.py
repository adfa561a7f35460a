"""Interactions become a typed Delta table: a row for each choice, with what was chosen before it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dbx_dl.config.interactions import AT, HISTORY, LAST_OUT, POPULARITY_RANK
from dbx_dl.contracts import (
    HistoryFeature,
    HistorySpec,
    IdFeature,
    PreparedTable,
    Ranking,
    TableStatistics,
    Target,
)
from dbx_dl.errors import DataError
from dbx_dl.prepare.commits import find_present, publish, stay
from dbx_dl.prepare.interactions.findings import warn_of_losses
from dbx_dl.prepare.interactions.items import count_items, count_ranks, describe_items
from dbx_dl.prepare.interactions.users import list_frequent
from dbx_dl.prepare.outcomes import DETAIL, REASON, count_outcome, log_outcome, require_usable
from dbx_dl.prepare.row_changes import find_row_changes
from dbx_dl.prepare.settings import require_same_settings
from dbx_dl.prepare.tables import index_labels, replace_sorted
from dbx_dl.runtime.kept_rows import kept_on_disk
from dbx_dl.runtime.row_sources import describe_source, read_rows
from dbx_dl.runtime.source_columns import MALFORMED_COLUMN
from dbx_dl.runtime.sources import explain_read_errors
from dbx_dl.runtime.tables import quote_column, require_columns
from dbx_dl.transforms.raw_histories import (
    ITEM,
    NUMBER,
    PROBLEM,
    SOURCE,
    TIME,
    USER,
    look_back,
    name_columns,
    observe,
    rank_among_unseen,
)

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from dbx_dl.config import InteractionsConfig, PrepareTableConfig
    from dbx_dl.contracts import TableVersion
    from dbx_dl.prepare.commits import PresentTable
    from dbx_dl.prepare.interactions.items import ItemCounts

logger = logging.getLogger(__name__)

# About so much of a row is not in the history, and of each item in it.
_ROW_BYTES, _ITEM_BYTES = 64, 8


def prepare_interactions(
    spark: SparkSession, config: PrepareTableConfig, interactions: InteractionsConfig
) -> PreparedTable:
    """Write the rows that `config.source`'s interactions make, pinned, to `config.table`; see `InteractionsConfig`.

    Columns: the key (the user and the number of the interaction), the user and its columns, `history` array<string>,
    `at` timestamp, `popularity_rank` int, `label`, `label_index` and `split`. Interactions without a user, an item or
    a time, and lines that are none, go to `<table>_rejects`.

    A table that is there already is brought up to date with the users, items and columns that it knows; `config.refit`
    starts anew. DataError, with the table as it was, as of `prepare_table`.
    """
    present = find_present(spark, config.table)
    earlier = None if config.refit else present
    settings = _settings_of(config)
    require_same_settings(earlier, settings, config.table)
    what = describe_source(config.source, config.source_format)
    logger.info("preparing interactions of %s into table %s", what, config.table)
    with explain_read_errors(what):
        raw = read_rows(spark, config.source, config.source_format, config.csv)
        require_columns(raw, list(interactions.columns), what)
        observed = observe(raw, interactions, config.null_tokens, MALFORMED_COLUMN)
        with kept_on_disk(
            look_back(observed.where(f"{PROBLEM} IS NULL").drop(PROBLEM, SOURCE), interactions)
        ) as looked:
            known = earlier.prepared.target.label_names if earlier else ()
            counts = count_items(looked, interactions, known)
            with kept_on_disk(_name_rows(looked, counts, config, interactions)) as good:
                checked = good.unionByName(_list_rejects(observed, config), allowMissingColumns=True)
                return _commit(spark, config, earlier, checked, looked, counts, settings)


def _settings_of(config: PrepareTableConfig) -> dict[str, Any]:
    names = {"key", "label", "null_tokens", "interactions"}
    return {"kind": "table", **config.model_dump(mode="json", include=names)}


def _name_rows(
    looked: DataFrame, counts: ItemCounts, config: PrepareTableConfig, interactions: InteractionsConfig
) -> DataFrame:
    """Rows to learn from, under the names that the table has."""
    from pyspark.sql import functions as F

    ranks = list(enumerate(counts.ranked, start=1))
    table = looked.sparkSession.createDataFrame(ranks, f"_rank int, {ITEM} string")
    ranked = looked.join(F.broadcast(table), ITEM, "left")
    named = name_columns(interactions)
    return (
        rank_among_unseen(ranked, interactions)
        .where(f"_rank IS NOT NULL AND {LAST_OUT} IS NOT NULL")
        .select(
            F.concat_ws("|", USER, F.col(NUMBER).cast("string")).alias(config.key),
            F.col(USER).alias(interactions.user),
            *(F.col(named[name]).alias(name) for name in interactions.user_columns),
            HISTORY,
            F.col(TIME).alias(AT),
            POPULARITY_RANK,
            F.col(ITEM).alias("label"),
            F.col(LAST_OUT).alias("split"),
            *(F.lit(None).cast("string").alias(name) for name in (REASON, DETAIL, "_row")),
        )
    )


def _list_rejects(observed: DataFrame, config: PrepareTableConfig) -> DataFrame:
    from pyspark.sql import functions as F

    return observed.where(f"{PROBLEM} IS NOT NULL").select(
        F.lit(None).cast("string").alias(config.key),
        F.col(f"{PROBLEM}.reason").alias(REASON),
        F.col(f"{PROBLEM}.detail").alias(DETAIL),
        F.to_json(SOURCE, {"ignoreNullFields": "false"}).alias("_row"),
    )


def _commit(
    spark: SparkSession,
    config: PrepareTableConfig,
    earlier: PresentTable | None,
    checked: DataFrame,
    looked: DataFrame,
    counts: ItemCounts,
    settings: dict[str, Any],
) -> PreparedTable:
    interactions = config.interactions
    if interactions is None:
        raise ValueError("rows are made of interactions")
    outcome = count_outcome(checked, config.key)
    require_usable(outcome, "interactions", config.max_reject_fraction)
    log_outcome(outcome, "interactions")
    good = checked.where(f"{REASON} IS NULL")
    names = earlier.prepared.target.label_names if earlier else outcome.label_names
    rejects = checked.where(f"{REASON} IS NOT NULL").selectExpr(
        quote_column(config.key), f"{REASON} AS reason", f"{DETAIL} AS detail", "_row AS row"
    )
    rows = index_labels(good, names).drop(REASON, DETAIL, "_row")
    rejects_changed = True
    if earlier is not None:
        rows_changed, rejects_changed = find_row_changes(spark, rows, rejects, earlier.prepared)
        if not (rows_changed or rejects_changed):
            return stay(earlier)
    spec, ranking, cut = _fit(good, looked, interactions, names, earlier)
    statistics = TableStatistics(
        class_rows=outcome.class_rows,
        popularity=count_ranks(good),
        warnings=warn_of_losses(good, looked, interactions, counts.num_rare, outcome.split_rows, cut),
    )

    def describe(main: TableVersion, rejected: TableVersion, prepare_id: str) -> PreparedTable:
        return PreparedTable(
            table=main,
            rejects=rejected,
            source=config.source,
            key_column=config.key,
            inputs=spec,
            target=Target(task="recommendation", column="label", label_names=names, ranking=ranking),
            split_rows=outcome.split_rows,
            class_rows={name: outcome.count_label(name) for name in names},
            num_rejects=outcome.num_rejects,
            reject_reasons=outcome.reject_reasons,
            prepare_id=prepare_id,
            statistics=statistics,
        )

    size_bytes = outcome.num_good * (_ROW_BYTES + _ITEM_BYTES * interactions.max_history)
    return publish(
        spark,
        config,
        rejects,
        describe,
        lambda: replace_sorted(rows, config, config.key, size_bytes),
        settings,
        earlier,
        rejects_changed=rejects_changed,
    )


def _fit(
    good: DataFrame,
    looked: DataFrame,
    interactions: InteractionsConfig,
    names: Sequence[str],
    earlier: PresentTable | None,
) -> tuple[HistorySpec, Ranking, list[str]]:
    """What the training rows tell of users and items, or what an earlier prepare knew; columns that were cut."""
    if earlier is not None:
        spec, ranking = earlier.prepared.inputs, earlier.prepared.target.ranking
        if not isinstance(spec, HistorySpec) or ranking is None:
            raise DataError("the table was not made of interactions: set `refit: true` to make it anew")
        return spec, ranking, []
    train = good.where("split = 'train'")
    found = {name: list_frequent(train, name) for name in (interactions.user, *interactions.user_columns)}
    users = tuple(IdFeature(column=name, vocabulary=values) for name, (values, _) in found.items())
    history = HistoryFeature(column=HISTORY, max_length=interactions.max_history, vocabulary=tuple(names))
    columns = describe_items(looked, interactions, names)
    return (
        HistorySpec(users=users, history=history),
        Ranking(excludes_seen=interactions.exclude_seen, item_columns=columns),
        [name for name, (_, is_cut) in found.items() if is_cut],
    )
