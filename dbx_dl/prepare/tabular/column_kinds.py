"""Which columns of a source are features, and of what kind: declared in the config, else inferred from the data."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from dbx_dl.config import (
    BooleanColumn,
    CategoricalColumn,
    ColumnConfig,
    DatetimeColumn,
    EmbeddingColumn,
    IgnoredColumn,
    NumericColumn,
)
from dbx_dl.errors import DataError
from dbx_dl.prepare.tabular.row_checks import INTERNAL_COLUMNS, list_kept
from dbx_dl.runtime.row_sources import describe_source
from dbx_dl.runtime.source_columns import FILE_COLUMN, MALFORMED_COLUMN, TRAIN_COLUMN
from dbx_dl.runtime.tables import require_columns
from dbx_dl.transforms.raw_columns import is_readable

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from dbx_dl.config import PrepareTableConfig
    from dbx_dl.prepare.tabular.source_survey import ColumnSurvey

logger = logging.getLogger(__name__)

# Columns that prepared tables, and the rejects beside them, have anyway.
_RESERVED = ("label", "label_index", "split")
_RESERVED_FOR_REJECTS = ("reason", "detail", "row", "prepare_id")
_REFUSED_BY_DELTA = re.compile(r"[ ,;{}()\n\t=]")
# Text of more distinct values than this, nearly all different, is a name or a number of something.
_MANY, _NEARLY_UNIQUE = 1000, 0.9


def list_columns(raw: DataFrame, config: PrepareTableConfig) -> list[str]:
    """The source's columns beside key, label and a column that names the split, in order.

    DataError when key, label, a declared column or one that `split` names is absent, or key and label are the same.
    """
    what = describe_source(config.source, config.source_format)
    split = config.split
    named = [name for name in (split.group, split.time, split.column) if name is not None]
    declared = list(config.columns or {})
    require_columns(raw, [config.key, config.label, *named, *declared], what)
    if config.key == config.label:
        raise DataError(f"key and label of {what} are the same column {config.key!r}: they must differ")
    taken = {config.key: "the key or the label", config.label: "the key or the label"}
    if split.column is not None:
        taken[split.column] = "the column that names the split"
    for name in declared:
        if name in taken:
            raise DataError(f"column {name!r} of {what} is {taken[name]}: it cannot be a feature too")
    added = {MALFORMED_COLUMN}
    if config.csv.files:
        added.add(FILE_COLUMN)
    if config.labels is not None:
        added.add(TRAIN_COLUMN)
    return [name for name in raw.columns if name not in taken and name not in added]


def needs_survey(name: str, config: PrepareTableConfig) -> bool:
    """Whether the config leaves something about a column to the data."""
    declared = (config.columns or {}).get(name)
    if declared is None and _find_ruling(config) is not None:
        return False
    return declared is None or (isinstance(declared, EmbeddingColumn) and declared.size is None)


def find_columns(
    raw: DataFrame, config: PrepareTableConfig, surveys: Mapping[str, ColumnSurvey]
) -> dict[str, ColumnConfig]:
    """Every column of `list_columns` with its kind and options: declared, or inferred from its survey.

    DataError when a declared kind cannot be read from the column's type, when a feature has a name that the prepared
    table cannot hold, or when there is no feature.
    """
    what = describe_source(config.source, config.source_format)
    columns: dict[str, ColumnConfig] = {}
    ruling = _find_ruling(config)
    for name in list_columns(raw, config):
        declared = (config.columns or {}).get(name)
        if declared is not None:
            columns[name] = _complete(raw, name, declared, surveys.get(name), what)
        elif ruling is not None:
            logger.info("column %r is left out: beside %r only declared columns are features", name, ruling)
            columns[name] = IgnoredColumn()
        elif name == config.split.group:
            logger.info("column %r names the group: it is no feature unless `columns` declares it", name)
            columns[name] = IgnoredColumn()
        else:
            columns[name] = _infer_or_ignore(raw, name, surveys[name])
    features = [name for name, column in columns.items() if column.kind != "ignore"]
    _check_names(features, list_kept(columns), config, what)
    for name in features:
        if name not in (config.columns or {}):
            _warn_of_names_in_text(name, surveys[name], config.max_categories)
    return columns


def _find_ruling(config: PrepareTableConfig) -> str | None:
    """A declared text or numbers by step, beside which only declared columns are features."""
    declared = (config.columns or {}).items()
    return next((name for name, column in declared if column.kind in ("text", "steps")), None)


def infer_kind(survey: ColumnSurvey) -> ColumnConfig | None:
    """The kind of a column that is not declared, None when it cannot be a feature.

    Text is boolean when every value is true, false, yes or no, numeric when every value is a number, datetime when
    every value is an ISO 8601 date, else categorical. Integers that a double does not hold exactly are categories.
    """
    if survey.family == "text":
        return _infer_text(survey)
    if survey.family == "integer":
        return CategoricalColumn() if survey.large_integers else NumericColumn()
    if survey.family == "numbers":
        smallest, largest, size = survey.sizes or (0, 0, 0)
        return EmbeddingColumn(size=size) if size and smallest == largest else None
    kinds: dict[str, ColumnConfig] = {
        "number": NumericColumn(),
        "boolean": BooleanColumn(),
        "datetime": DatetimeColumn(),
    }
    return kinds.get(survey.family)


def _infer_text(survey: ColumnSurvey) -> ColumnConfig:
    if not survey.num_values:
        return CategoricalColumn()
    if not survey.not_boolean:
        return BooleanColumn()
    if not survey.not_number:
        return CategoricalColumn() if survey.large_integers else NumericColumn()
    return DatetimeColumn() if not survey.not_datetime else CategoricalColumn()


def _infer_or_ignore(raw: DataFrame, name: str, survey: ColumnSurvey) -> ColumnConfig:
    inferred = infer_kind(survey)
    if inferred is not None:
        return inferred
    kind = raw.schema[name].dataType.simpleString()
    if survey.sizes and survey.sizes[0] != survey.sizes[1]:
        kind += f" with {survey.sizes[0]} to {survey.sizes[1]} elements"
    logger.warning("column %r is of type %s, which cannot be a feature: it is left out", name, kind)
    return IgnoredColumn()


def _complete(
    raw: DataFrame, name: str, declared: ColumnConfig, survey: ColumnSurvey | None, what: str
) -> ColumnConfig:
    """A declared column, its type checked, with the size of an embedding filled in."""
    kind, read = raw.schema[name].dataType, declared.kept if declared.kind == "ignore" else declared
    if read is None or read.kind == "ignore":
        return declared
    if not is_readable(kind, "categorical" if read.kind == "text" else read.kind):
        raise DataError(
            f"column {name!r} of {what} is of type {kind.simpleString()}, which cannot be a {read.kind} feature: "
            "convert it first"
        )
    if isinstance(declared, EmbeddingColumn) and declared.size is None:
        size = survey.sizes[2] if survey and survey.sizes else 0
        if not size:
            raise DataError(f"column {name!r} of {what} holds no array with elements: it cannot be an embedding")
        return declared.model_copy(update={"size": size})
    return declared


def _check_names(features: list[str], kept: list[str], config: PrepareTableConfig, what: str) -> None:
    if not features:
        raise DataError(f"{what} has no feature columns beside its key and label")
    for name in (config.key, *features, *kept):
        taken = (*_RESERVED, *INTERNAL_COLUMNS, *(_RESERVED_FOR_REJECTS if name == config.key else ()))
        if name.lower() in taken:
            raise DataError(f"column {name!r} of {what} has a name that prepared tables use themselves: rename it")
        if _REFUSED_BY_DELTA.search(name):
            raise DataError(
                f"column {name!r} of {what} has a character that Delta refuses in names (blank, comma, semicolon, "
                "brackets, equals sign, tab, line break): rename it, for instance with underscores"
            )


def _warn_of_names_in_text(name: str, survey: ColumnSurvey, max_categories: int) -> None:
    if survey.family != "text" or not isinstance(infer_kind(survey), CategoricalColumn):
        return
    distinct = survey.num_distinct
    if distinct > max(max_categories, _MANY) and distinct > _NEARLY_UNIQUE * survey.num_values:
        logger.warning(
            "column %r has about %d different values in %d rows: declare it with `hash_buckets`, as text, or as ignore",
            name,
            distinct,
            survey.num_values,
        )
