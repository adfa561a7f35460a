"""How often groups of scored rows get the favourable label, how rightly, and how far apart they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbx_dl.contracts import Finding
from dbx_dl.errors import ConfigError, DataError
from dbx_dl.monitor.fairness.gaps import judge_gaps
from dbx_dl.monitor.fairness.groups import find_groups, name_group
from dbx_dl.monitor.fairness.rates import GroupCounts, list_counts
from dbx_dl.monitor.late_labels import TRUTH, join_labels
from dbx_dl.monitor.scored_rows import (
    KEY,
    LABEL,
    LABELS,
    PROBABILITIES,
    WINDOW,
    explode_values,
    has_prediction,
    require_scored,
)
from dbx_dl.runtime.tables import quote_column
from dbx_dl.tasks import task_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from pyspark.sql import Column, DataFrame

    from dbx_dl.config import LateLabelsConfig, WatchedFairnessConfig
    from dbx_dl.contracts import Target, Window
    from dbx_dl.monitor.fairness.groups import Groups

RATES = ("base_rate", "selection_rate", "true_positive_rate", "false_positive_rate", "calibration_error")


def measure_fairness(
    scored: DataFrame,
    target: Target,
    config: WatchedFairnessConfig,
    *,
    windows: Sequence[Window],
    labels: DataFrame | None = None,
    late: LateLabelsConfig | None = None,
    as_of: datetime | None = None,
) -> tuple[Finding, ...]:
    """Findings of the area `fairness`: every group's rates (`column`, `part`: the group), and the gaps of each column.

    `scored` has `window`, `key`, the predicted `label` (of sets of labels: `labels`), `config.columns`, and where they
    are there `probabilities` and `error`; rows with an error are left out. `labels` and `late` are as in
    `quality.measure.measure_quality`; without them there are only the rates that need no truth.

    Rates: `base_rate`, `selection_rate`, `true_positive_rate`, `false_positive_rate`, `calibration_error`,
    `mean_probability`; gaps: the names of `metrics.fairness.GAPS`; `groups_told_together` where a column has more
    values than `config.max_groups`. All rows are counted, in Spark; at most (max_groups + 1) rows of sums for each
    window and column come to the driver. ConfigError where nothing is selected by the task, or `favourable` is no
    label of it; DataError when a column is absent, holds no single values, or weights are no numbers of 0 or more.
    """
    _check(target, config)
    field = LABELS if task_of(target).label_kind == "label_set" else LABEL
    require_scored(scored, (WINDOW, field, *config.read_columns), "fairness")
    frame = scored.where(has_prediction(scored))
    if labels is not None and late is not None:
        require_scored(scored, (KEY,), "fairness by labels")
        frame = join_labels(frame, labels, target, late, as_of)
    _check_weights(frame, config)
    groups = find_groups(frame, config.columns, config.max_groups)
    counts = _count(frame, target, config, groups)
    names = {window.name for window in windows}
    counts = [group for group in counts if group.window in names]
    return (
        *_tell_reductions(windows, groups, config),
        *(finding for group in counts for finding in _tell_rates(group, config)),
        *judge_gaps(windows, counts, groups, config),
    )


def _check(target: Target, config: WatchedFairnessConfig) -> None:
    if target.task == "none" or task_of(target).label_kind not in ("class", "label_set"):
        raise ConfigError(f"`fairness` compares predicted classes; the model's task is {target.task}")
    if config.favourable not in target.label_names:
        known = ", ".join(target.label_names[:20])
        raise ConfigError(f"`fairness.favourable` is {config.favourable!r}, which is no label: choose from {known}")


def _check_weights(frame: DataFrame, config: WatchedFairnessConfig) -> None:
    from pyspark.sql import functions as F

    if config.weight_column is None:
        return
    name = config.weight_column
    weight = F.col(quote_column(name)).try_cast("double")
    # To Spark, NaN is greater than every number.
    is_wrong = ~F.coalesce((weight >= 0) & (weight < float("inf")), F.lit(False))
    found = frame.where(is_wrong).count()
    if found:
        raise DataError(
            f"`fairness.weight_column` {name!r} must hold a number of 0 or more in every scored row: {found:,} have "
            "none"
        )


def _count(
    frame: DataFrame, target: Target, config: WatchedFairnessConfig, groups: Sequence[Groups]
) -> list[GroupCounts]:
    from pyspark.sql import functions as F

    selected, favourable = _choices(frame, target, config)
    weight = F.lit(1.0) if config.weight_column is None else F.col(quote_column(config.weight_column)).cast("double")
    rows = frame.select(
        WINDOW,
        selected.alias("selected"),
        favourable.alias("favourable"),
        _probability(frame, target, config).cast("double").alias("chance"),
        weight.alias("weight"),
        explode_values(config.columns),
    )
    sums = list_counts(*(F.col(name) for name in ("selected", "favourable", "chance", "weight")))
    found = rows.groupBy(WINDOW, "column", name_group(groups).alias("group")).agg(*sums).collect()
    counts = [
        GroupCounts(
            row[WINDOW],
            config.columns[row["column"]],
            row["group"],
            row["rows"],
            row["known_rows"],
            {name: float(value or 0.0) for name, value in row.asDict().items() if name not in _NAMES},
        )
        for row in found
    ]
    return sorted(counts, key=lambda group: (group.window, group.column, group.group))


_NAMES = (WINDOW, "column", "group")


def _choices(frame: DataFrame, target: Target, config: WatchedFairnessConfig) -> tuple[Column, Column]:
    """Whether a row is selected, and whether it should be, null where no label is known."""
    from pyspark.sql import functions as F

    truth = F.col(TRUTH) if TRUTH in frame.columns else None
    if task_of(target).label_kind == "label_set":
        selected = F.array_contains(LABELS, config.favourable)
        favourable = F.lit(None).cast("boolean") if truth is None else F.array_contains(truth, config.favourable)
    else:
        selected = F.col(LABEL) == config.favourable
        favourable = F.lit(None).cast("boolean") if truth is None else truth == config.favourable
    return F.coalesce(selected, F.lit(False)), favourable


def _probability(frame: DataFrame, target: Target, config: WatchedFairnessConfig) -> Column:
    from pyspark.sql import functions as F

    if PROBABILITIES not in frame.columns:
        return F.lit(None)
    if frame.schema[PROBABILITIES].dataType.typeName() == "map":
        return F.col(PROBABILITIES)[config.favourable]
    return F.get(PROBABILITIES, F.lit(target.label_names.index(config.favourable)))


def _tell_rates(group: GroupCounts, config: WatchedFairnessConfig) -> Iterator[Finding]:
    rates, judged = group.rates, group.judged_rates(config.min_rows)
    for name in RATES:
        if name not in rates:
            continue
        low, high = rates[name].interval(config.confidence)
        yield Finding(
            window=group.window, area="fairness", column=group.column, part=group.group, metric=name,
            value=rates[name].value, low=low, high=high,
            num_rows=group.num_rows if name == "selection_rate" else group.num_known,
            status="told" if name in judged else "unsure",
        )  # fmt: skip
    if group.mean_probability is not None:
        yield Finding(
            window=group.window, area="fairness", column=group.column, part=group.group, metric="mean_probability",
            value=group.mean_probability, num_rows=group.num_rows,
        )  # fmt: skip


def _tell_reductions(
    windows: Sequence[Window], groups: Sequence[Groups], config: WatchedFairnessConfig
) -> Iterator[Finding]:
    for found in groups:
        if found.num_left_out and windows:
            yield Finding(
                window=windows[-1].name, area="fairness", column=found.column, part=found.rest,
                metric="groups_told_together", value=float(found.num_left_out), num_rows=found.num_rows_left_out,
                limit=float(config.max_groups),
                detail=f"the {config.max_groups} largest groups of the look are compared, all others told together",
            )  # fmt: skip
