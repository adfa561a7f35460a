"""The rows of a CSV, Parquet, JSON or Delta source, or of a query, become a typed Delta table with a feature spec."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from dbx_dl.config import PrepareTableConfig
from dbx_dl.contracts import (
    ColumnProfile,
    Distributions,
    FileSpec,
    PreparedTable,
    StepsSpec,
    TableStatistics,
    Target,
    TextAndColumnsSpec,
    TextSpec,
)
from dbx_dl.prepare.class_weights import weigh_classes
from dbx_dl.prepare.commits import PresentTable, find_present, publish, stay
from dbx_dl.prepare.interactions.prepare import prepare_interactions
from dbx_dl.prepare.label_texts import fit_label_text, hide_labels
from dbx_dl.prepare.labels import pin_labels
from dbx_dl.prepare.outcomes import DETAIL, REASON, count_outcome, log_outcome, require_usable
from dbx_dl.prepare.row_changes import find_row_changes
from dbx_dl.prepare.settings import require_same_settings, require_section, split_bounds_of
from dbx_dl.prepare.splits import fit_split, split_rows_by
from dbx_dl.prepare.tables import index_labels, order_labels, replace_sorted
from dbx_dl.prepare.tabular.column_measures import measure_columns
from dbx_dl.prepare.tabular.column_profiles import profile_columns
from dbx_dl.prepare.tabular.distributions import distribute_columns
from dbx_dl.prepare.tabular.fit_steps import describe_steps
from dbx_dl.prepare.tabular.fit_text import describe_text
from dbx_dl.prepare.tabular.fitting import fit_features
from dbx_dl.prepare.tabular.frames import count_frames
from dbx_dl.prepare.tabular.row_checks import ROW, check_rows, list_kept
from dbx_dl.prepare.tabular.schema import TableSchema, find_schema
from dbx_dl.prepare.tabular.source_rows import keep_origins, read_source
from dbx_dl.prepare.tabular.table_checks import (
    describe_classes,
    describe_columns,
    describe_lost_letters,
    find_leaks,
    require_varied_label,
)
from dbx_dl.prepare.tabular.targets import CLASS_TASKS, NUMBER_TASKS, TEXT_TASKS, settle_classes
from dbx_dl.runtime.kept_rows import kept_on_disk
from dbx_dl.runtime.progress import told_progress
from dbx_dl.runtime.row_sources import describe_source
from dbx_dl.runtime.sources import explain_read_errors
from dbx_dl.runtime.tables import quote_column
from dbx_dl.transforms.raw_columns import read_text

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

    from dbx_dl.config import ColumnConfig
    from dbx_dl.contracts import ColumnsSpec, TableVersion, TaskName
    from dbx_dl.prepare.outcomes import Outcome

logger = logging.getLogger(__name__)

# Eight bytes a number or a short string: only decides how many files are written.
_CELL_BYTES = 8


@dataclass(frozen=True)
class Findings:
    """What the train split tells: the fitted spec, and what is kept beside it."""

    spec: ColumnsSpec
    profiles: tuple[ColumnProfile, ...]
    warnings: tuple[str, ...]
    distributions: Distributions


def prepare_table(spark: SparkSession, config: PrepareTableConfig) -> PreparedTable:
    """Type and check every row of `config.source` and write the good ones, pinned, to `config.table`.

    Columns: the key (string, under its own name), the features and what is kept beside them (typed as in
    `check_rows`), `label`, `label_index`
    (for classes, and as an array for several labels) and `split`. The feature spec is fitted on the train split only.
    Rejected rows go to `<table>_rejects` with a reason (listed at `check_rows`) and the raw row as JSON: good plus
    rejected are all rows found.

    A table that an earlier prepare wrote gets the source's rows as they are now, with the kinds of columns, the feature
    spec and the label indices that it has; where no row changed nothing is committed. `config.refit` starts anew.
    DataError, with the table as it was, when source, key or label is missing, a name or type cannot be used, no row is
    usable, there is nothing to learn (one class, a constant label, no feature that tells rows apart), the train split
    is empty, too much was rejected, or the settings differ from the earlier ones.
    """
    require_section(config, PrepareTableConfig)
    if config.interactions is not None:
        return prepare_interactions(spark, config, config.interactions)
    config = keep_origins(config)
    present = find_present(spark, config.table)
    earlier = None if config.refit else present
    settings = _settings_of(config)
    require_same_settings(earlier, settings, config.table)
    what = describe_source(config.source, config.source_format)
    logger.info("preparing rows of %s into table %s", what, config.table)
    labels = pin_labels(spark, config.labels)
    with explain_read_errors(what):
        raw = read_source(spark, config, labels)
        schema = find_schema(raw, config, earlier)
        bounds = split_bounds_of(earlier) if earlier else fit_split(raw, config.split, *_texts(config))
        key, label = _texts(config)
        split = split_rows_by(config.split, bounds, key, label, has_training_rows=labels is not None)
        with kept_on_disk(check_rows(raw, schema.columns, schema.task, config, split)) as rows:
            kept = settings | {"split_bounds": bounds, "schema": schema.dump()}
            return _commit(spark, config, earlier, rows, schema, kept, labels)


def _settings_of(config: PrepareTableConfig) -> dict[str, Any]:
    """What has to stay the same from one prepare of a table to the next."""
    names = {"key", "label", "label_separator", "label_suffix", "label_text", "task"}
    names |= {"columns", "null_tokens", "max_categories", "split", "series"}
    return {"kind": "table", **config.model_dump(mode="json", include=names)}


def _texts(config: PrepareTableConfig) -> tuple[Column, Column]:
    """Key and label as text, for splits."""
    from pyspark.sql import functions as F

    key, label = (read_text(name, config.null_tokens) for name in (config.key, config.label))
    if config.source_format == "csv" and config.csv.key_column == config.key:
        # Equal rows are in one split: their keys differ in what follows the dash.
        key = F.substring_index(key, "-", 1)
    return key, label


def _commit(
    spark: SparkSession,
    config: PrepareTableConfig,
    earlier: PresentTable | None,
    rows: DataFrame,
    schema: TableSchema,
    settings: dict[str, Any],
    labels: TableVersion | None,
) -> PreparedTable:
    with told_progress(spark, lambda done, of: f"checked {done} of {of} parts of the source"):
        outcome = count_outcome(hide_labels(rows) if schema.task in TEXT_TASKS else rows, config.key)
    require_usable(outcome, "rows", config.max_reject_fraction, needs_classes=schema.task in CLASS_TASKS)
    log_outcome(outcome, "rows")
    names = order_labels(outcome.label_names, earlier.prepared.target.label_names if earlier else ())
    task = settle_classes(schema.task, names, config.task)
    rejects, kept = select_rejects(rows, config.key), list_kept(schema.columns)
    rejects_changed = True
    if earlier is not None:
        good = select_good(rows, names, task, [*_spec_of(earlier).columns, *kept], config.key)
        good_changed, rejects_changed = find_row_changes(spark, good, rejects, earlier.prepared)
        if not (good_changed or rejects_changed):
            return stay(earlier)
    train = rows.where(f"{REASON} IS NULL AND split = 'train'")
    spec = _spec_of(earlier) if earlier else None
    findings = examine_train(train, schema.columns, task, outcome, config.max_categories, spec)
    target, sentences = _find_target(config, train, task, names, findings.spec, earlier)
    findings = replace(findings, warnings=(*findings.warnings, *sentences))
    good = select_good(rows, names, task, [*findings.spec.columns, *kept], config.key)
    size_bytes = outcome.num_good * len(good.columns) * _CELL_BYTES

    def describe(main: TableVersion, rejected: TableVersion, prepare_id: str) -> PreparedTable:
        return PreparedTable(
            table=main,
            rejects=rejected,
            source=config.source,
            key_column=config.key,
            inputs=findings.spec,
            target=target,
            split_rows=outcome.split_rows,
            class_rows={name: outcome.count_label(name) for name in names},
            num_rejects=outcome.num_rejects,
            reject_reasons=outcome.reject_reasons,
            prepare_id=prepare_id,
            statistics=describe_table(outcome, findings),
            labels=labels,
        )

    def write() -> None:
        with told_progress(spark, lambda done, of: f"wrote {done} of {of} parts of the table"):
            replace_sorted(good, config, config.key, size_bytes)

    return publish(spark, config, rejects, describe, write, settings, earlier, rejects_changed=rejects_changed)


def _find_target(
    config: PrepareTableConfig,
    train: DataFrame,
    task: TaskName,
    names: tuple[str, ...],
    spec: ColumnsSpec,
    earlier: PresentTable | None,
) -> tuple[Target, list[str]]:
    """What is learned, and sentences about what of it is not."""
    if task not in TEXT_TASKS:
        return Target(task=task, column="label", label_names=names, num_frames=count_frames(task, spec)), []
    target, sentences = fit_label_text(train, config.label_text, earlier.prepared.target.text if earlier else None)
    for sentence in sentences:
        logger.warning("%s", sentence)
    return target, sentences


def _spec_of(earlier: PresentTable) -> ColumnsSpec:
    if isinstance(earlier.prepared.inputs, FileSpec):
        raise TypeError("settings of a table belong to a spec of columns")
    return earlier.prepared.inputs


def examine_train(
    train: DataFrame,
    columns: Mapping[str, ColumnConfig],
    task: TaskName,
    outcome: Outcome,
    max_categories: int,
    spec: ColumnsSpec | None = None,
) -> Findings:
    """Measure the good rows of the train split, fit them unless there is a `spec` already, and warn of what is wrong.

    DataError where training would mean nothing.
    """
    measures = measure_columns(train, columns, max_categories, has_number_label=task in NUMBER_TASKS)
    if task in NUMBER_TASKS:
        require_varied_label(measures)
    fitted = spec or fit_features(train, columns, max_categories, measures)
    warnings = describe_columns(columns, measures, max_categories)
    if isinstance(fitted, TextSpec | TextAndColumnsSpec):
        tokens = measures[fitted.text.column].tokens
        warnings += describe_text(fitted, tokens) if tokens is not None else []
    if isinstance(fitted, StepsSpec) and (steps := measures[fitted.columns[0]].steps) is not None:
        warnings += describe_steps(fitted, steps)
    warnings += find_leaks(train, columns, measures, task, len(outcome.label_names))
    warnings += describe_lost_letters(outcome.label_names, measures)
    for sentence in warnings:
        logger.warning("%s", sentence)
    # Said already, by `log_outcome`.
    warnings += describe_classes(outcome.label_names, outcome.class_rows["train"])
    distributions = distribute_columns(train, fitted, measures, outcome.split_rows["train"])
    return Findings(fitted, profile_columns(columns, measures), tuple(warnings), distributions)


def select_rejects(rows: DataFrame, key_column: str) -> DataFrame:
    """The rejects table's columns of checked rows: the key, reason, detail and row."""
    key = quote_column(key_column)
    named = (f"{REASON} AS reason", f"{DETAIL} AS detail", f"{ROW} AS row")
    return rows.where(f"{REASON} IS NOT NULL").selectExpr(key, *named)


def select_good(
    rows: DataFrame, label_names: tuple[str, ...], task: TaskName, columns: Sequence[str], key_column: str
) -> DataFrame:
    """The main table's columns of checked rows: key, `columns`, label, label_index (of classes) and split."""
    good, labels = rows.where(f"{REASON} IS NULL"), ["label"]
    if task not in (*NUMBER_TASKS, *TEXT_TASKS):
        good, labels = index_labels(good, label_names), ["label", "label_index"]
    return good.select(quote_column(key_column), *(quote_column(name) for name in columns), *labels, "split")


def describe_table(outcome: Outcome, findings: Findings) -> TableStatistics:
    """The statistics that are kept with the table."""
    return TableStatistics(
        class_rows=outcome.class_rows,
        class_weights=weigh_classes({name: outcome.class_rows["train"].get(name, 0) for name in outcome.label_names}),
        profiles=findings.profiles,
        warnings=findings.warnings,
        distributions=findings.distributions,
    )
