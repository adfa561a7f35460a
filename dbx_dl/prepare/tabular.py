"""The rows of a CSV, Parquet, JSON or Delta source, or of a query, become a typed Delta table with a feature spec."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dbx_dl.contracts import ColumnProfile, FeatureSpec, PreparedTable, TableStatistics, Target
from dbx_dl.prepare.class_weights import weigh_classes
from dbx_dl.prepare.column_kinds import find_columns, list_columns, needs_survey
from dbx_dl.prepare.column_measures import measure_columns
from dbx_dl.prepare.column_profiles import profile_columns
from dbx_dl.prepare.outcomes import DETAIL, REASON, count_outcome, log_outcome, require_usable
from dbx_dl.prepare.row_checks import ROW, check_rows
from dbx_dl.prepare.source_survey import ColumnSurvey, survey_columns, type_family
from dbx_dl.prepare.spec_files import log_spec, write_spec
from dbx_dl.prepare.splits import assign_split
from dbx_dl.prepare.statistics import fit_features
from dbx_dl.prepare.table_checks import describe_classes, describe_columns, find_leaks, require_varied_label
from dbx_dl.prepare.tables import (
    index_labels_of,
    kept_on_disk,
    rejects_name,
    require_writable,
    write_prepared,
    write_rejects,
)
from dbx_dl.prepare.targets import CLASS_TASKS, NUMBER_TASKS, find_task, settle_classes
from dbx_dl.runtime.row_sources import describe_source, read_rows
from dbx_dl.runtime.sources import explain_read_errors
from dbx_dl.runtime.tables import quote_column
from dbx_dl.transforms.raw_columns import read_text

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from dbx_dl.config import ColumnConfig, PrepareTableConfig
    from dbx_dl.contracts import TableVersion, Task
    from dbx_dl.prepare.outcomes import Outcome

logger = logging.getLogger(__name__)

# Eight bytes a number or a short string: only decides how many files are written.
_CELL_BYTES = 8


@dataclass(frozen=True)
class Findings:
    """What the train split tells: the fitted spec, and what is kept beside it."""

    spec: FeatureSpec
    profiles: tuple[ColumnProfile, ...]
    warnings: tuple[str, ...]


def prepare_table(spark: SparkSession, config: PrepareTableConfig) -> PreparedTable:
    """Type and check every row of `config.source` and write the good ones, pinned, to `config.table`.

    Columns: the key (string, under its own name), the features (typed as in `check_rows`), `label`, `label_index`
    (for classes, and as an array for several labels) and `split`. The feature spec is fitted on the train split only.
    Rejected rows go to `<table>_rejects` with a reason (listed at `check_rows`) and the raw row as JSON: good plus
    rejected are all rows found. DataError, with the table as it was, when source, key or label is missing, a name or
    type cannot be used, no row is usable, there is nothing to learn (one class, a constant label, no feature that
    tells rows apart), the train split is empty or too much was rejected.
    """
    require_writable(spark, config.table)
    what = describe_source(config.source, config.source_format)
    logger.info("preparing rows of %s into table %s", what, config.table)
    with explain_read_errors(what):
        raw = read_rows(spark, config.source, config.source_format, config.csv)
        columns, task = find_schema(raw, config)
        split = assign_split(read_text(config.key, config.null_tokens), config.split)
        with kept_on_disk(check_rows(raw, columns, task, config, split)) as rows:
            outcome = count_outcome(rows, config.key)
            require_usable(outcome, "rows", config.max_reject_fraction, needs_classes=task in CLASS_TASKS)
            log_outcome(outcome, "rows")
            task = settle_classes(task, outcome.label_names, config.task)
            train = rows.where(f"{REASON} IS NULL AND split = 'train'")
            findings = examine_train(train, columns, task, outcome, config.max_categories)
            rejects, table = _write_tables(rows, outcome, task, findings.spec, config)
    return _describe(config, table, rejects, outcome, task, findings)


def find_schema(raw: DataFrame, config: PrepareTableConfig) -> tuple[dict[str, ColumnConfig], Task]:
    """The columns of a source and its task, declared or inferred in one pass; told, and written where asked."""
    names = [name for name in list_columns(raw, config) if needs_survey(name, config)]
    asked = config.label if config.task is None else None
    surveys = survey_columns(raw, names, asked, config.null_tokens)
    label = surveys.get(config.label) or ColumnSurvey(type_family(raw.schema[config.label].dataType))
    task = find_task(config, label)
    columns = find_columns(raw, config, surveys)
    log_spec(task, columns)
    if config.write_spec is not None:
        write_spec(config.write_spec, task, columns)
    return columns, task


def examine_train(
    train: DataFrame,
    columns: Mapping[str, ColumnConfig],
    task: Task,
    outcome: Outcome,
    max_categories: int,
    spec: FeatureSpec | None = None,
) -> Findings:
    """Measure the good rows of the train split, fit them unless there is a `spec` already, and warn of what is wrong.

    DataError where training would mean nothing.
    """
    measures = measure_columns(train, columns, max_categories, has_number_label=task in NUMBER_TASKS)
    if task in NUMBER_TASKS:
        require_varied_label(measures)
    fitted = spec or fit_features(train, columns, max_categories, measures)
    warnings = describe_columns(columns, measures, max_categories)
    warnings += find_leaks(train, columns, measures, task, len(outcome.label_names))
    for sentence in warnings:
        logger.warning("%s", sentence)
    # Said already, by `log_outcome`.
    warnings += describe_classes(outcome.label_names, outcome.class_rows["train"])
    return Findings(fitted, profile_columns(columns, measures), tuple(warnings))


def _write_tables(
    rows: DataFrame, outcome: Outcome, task: Task, spec: FeatureSpec, config: PrepareTableConfig
) -> tuple[TableVersion, TableVersion]:
    rejects = write_rejects(select_rejects(rows, config.key), rejects_name(config.table))
    good = select_good(rows, outcome.label_names, task, spec, config.key)
    size_bytes = outcome.num_good * len(good.columns) * _CELL_BYTES
    return rejects, write_prepared(good, config.table, config.key, size_bytes)


def select_rejects(rows: DataFrame, key_column: str) -> DataFrame:
    """The rejects table's columns of checked rows: the key, reason, detail and row."""
    key = quote_column(key_column)
    named = (f"{REASON} AS reason", f"{DETAIL} AS detail", f"{ROW} AS row")
    return rows.where(f"{REASON} IS NOT NULL").selectExpr(key, *named)


def select_good(
    rows: DataFrame, label_names: tuple[str, ...], task: Task, spec: FeatureSpec, key_column: str
) -> DataFrame:
    """The main table's columns of checked rows: key, features, label, label_index (not of numbers) and split."""
    good, labels = rows.where(f"{REASON} IS NULL"), ["label"]
    if task not in NUMBER_TASKS:
        good, labels = index_labels_of(good, label_names), ["label", "label_index"]
    return good.select(quote_column(key_column), *(quote_column(name) for name in spec.columns), *labels, "split")


def describe_table(outcome: Outcome, findings: Findings) -> TableStatistics:
    """The statistics that are kept with the table."""
    return TableStatistics(
        class_rows=outcome.class_rows,
        class_weights=weigh_classes({name: outcome.class_rows["train"].get(name, 0) for name in outcome.label_names}),
        profiles=findings.profiles,
        warnings=findings.warnings,
    )


def _describe(
    config: PrepareTableConfig,
    table: TableVersion,
    rejects: TableVersion,
    outcome: Outcome,
    task: Task,
    findings: Findings,
) -> PreparedTable:
    return PreparedTable(
        table=table,
        rejects=rejects,
        source=config.source,
        key_column=config.key,
        inputs=findings.spec,
        target=Target(task=task, column="label", label_names=outcome.label_names),
        split_rows=outcome.split_rows,
        class_rows={name: outcome.count_label(name) for name in outcome.label_names},
        num_rejects=outcome.num_rejects,
        reject_reasons=outcome.reject_reasons,
        statistics=describe_table(outcome, findings),
    )
