"""The rows of a CSV, Parquet or Delta source become a typed Delta table with a fitted feature spec and splits."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from dbx_dl.contracts import PreparedTable, Target
from dbx_dl.prepare.column_kinds import find_features
from dbx_dl.prepare.outcomes import DETAIL, REASON, count_outcome, log_outcome, require_usable
from dbx_dl.prepare.row_checks import ROW, check_rows
from dbx_dl.prepare.statistics import fit_features
from dbx_dl.prepare.tables import (
    index_labels,
    kept_on_disk,
    rejects_name,
    require_writable,
    write_prepared,
    write_rejects,
)
from dbx_dl.runtime.sources import explain_read_errors, read_source_rows
from dbx_dl.runtime.tables import quote_column

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from dbx_dl.config import PrepareTableConfig
    from dbx_dl.contracts import FeatureSpec, TableVersion
    from dbx_dl.prepare.outcomes import Outcome

logger = logging.getLogger(__name__)

# Eight bytes a number or a short string: only decides how many files are written.
_CELL_BYTES = 8


def prepare_table(spark: SparkSession, config: PrepareTableConfig) -> PreparedTable:
    """Type and check every row of `config.source` and write the good ones, pinned, to `config.table`.

    Columns: the key (string, under its own name), the features (double or string), `label` (string), `label_index`
    and `split`, a hash of the key. The feature spec is fitted on the train split only. Rejected rows go to
    `<table>_rejects` with a reason (listed at `check_rows`) and the raw row as JSON: good plus rejected are all rows
    found. DataError, with the table as it was, when source, key or label is missing, a name or type cannot be used,
    no row is usable, one class is left, the train split is empty or too much was rejected.
    """
    require_writable(spark, config.table)
    what = f"{config.source_format} source {config.source}"
    logger.info("preparing rows of %s into table %s", what, config.table)
    with explain_read_errors(what):
        raw = read_source_rows(spark, config.source, config.source_format)
        kinds = find_features(raw, config)
        with kept_on_disk(check_rows(raw, kinds, config)) as rows:
            outcome = count_outcome(rows, config.key)
            require_usable(outcome, "rows", config.max_reject_fraction)
            log_outcome(outcome, "rows")
            train = rows.where(f"{REASON} IS NULL AND split = 'train'")
            spec = fit_features(train, kinds, config.max_categories)
            rejects, table = _write_tables(rows, outcome, spec, config)
    return _describe(config, table, rejects, outcome, spec)


def _write_tables(
    rows: DataFrame, outcome: Outcome, spec: FeatureSpec, config: PrepareTableConfig
) -> tuple[TableVersion, TableVersion]:
    key = quote_column(config.key)
    rejected = rows.where(f"{REASON} IS NOT NULL").selectExpr(
        key, f"{REASON} AS reason", f"{DETAIL} AS detail", f"{ROW} AS row"
    )
    rejects = write_rejects(rejected, rejects_name(config.table))
    features = [quote_column(name) for name in spec.columns]
    good = index_labels(rows.where(f"{REASON} IS NULL"), outcome.label_names)
    columns = good.select(key, *features, "label", "label_index", "split")
    size_bytes = outcome.num_good * len(columns.columns) * _CELL_BYTES
    return rejects, write_prepared(columns, config.table, config.key, size_bytes)


def _describe(
    config: PrepareTableConfig, table: TableVersion, rejects: TableVersion, outcome: Outcome, spec: FeatureSpec
) -> PreparedTable:
    return PreparedTable(
        table=table,
        rejects=rejects,
        source=config.source,
        key_column=config.key,
        inputs=spec,
        target=Target(column="label", label_names=outcome.label_names),
        split_rows=outcome.split_rows,
        class_rows={name: outcome.class_rows[name] for name in outcome.label_names},
        num_rejects=outcome.num_rejects,
        reject_reasons=outcome.reject_reasons,
    )
