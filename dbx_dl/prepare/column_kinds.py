"""Which columns of a source are features, and of what kind: declared in the config, else inferred from the data."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

from dbx_dl.errors import DataError
from dbx_dl.prepare.row_checks import INTERNAL_COLUMNS
from dbx_dl.runtime.sources import MALFORMED_COLUMN
from dbx_dl.runtime.tables import require_columns
from dbx_dl.transforms.raw_columns import is_text, is_unparsable, read_text

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from dbx_dl.config import PrepareTableConfig

logger = logging.getLogger(__name__)

# Columns that prepared tables, and the rejects beside them, have anyway.
_RESERVED = ("label", "label_index", "split")
_RESERVED_FOR_REJECTS = ("reason", "detail", "row")
_REFUSED_BY_DELTA = re.compile(r"[ ,;{}()\n\t=]")


def find_features(raw: DataFrame, config: PrepareTableConfig) -> dict[str, str]:
    """Feature columns of a source with their kind, `numeric` or `categorical`, in the source's order.

    Features are all columns but key and label. Kinds that `config.columns` does not declare are inferred: numbers are
    numeric, booleans categorical; a text column is numeric when every value that is no null token is a number, else
    categorical. Columns of other types (dates, arrays, …) are left out with a warning. DataError when a column is
    missing, has a name that the prepared table cannot hold, or is declared and of such another type.
    """
    what = f"{config.source_format} source {config.source}"
    declared: dict[str, str] = {name: column.kind for name, column in (config.columns or {}).items()}
    require_columns(raw, [config.key, config.label, *declared], what)
    names = [name for name in raw.columns if name not in (config.key, config.label, MALFORMED_COLUMN)]
    unusable = {name: raw.schema[name].dataType.simpleString() for name in names if not _is_usable(raw, name)}
    for name, kind in unusable.items():
        if name in declared:
            raise DataError(f"column {name!r} of {what} is of type {kind}, which cannot be a feature: convert it first")
        logger.warning("column %r is of type %s, which cannot be a feature: it is left out", name, kind)
    names = [name for name in names if name not in unusable]
    _check_names(names, config, what)
    kinds = declared | _infer_kinds(raw, [name for name in names if name not in declared], config.null_tokens)
    for kind in ("numeric", "categorical"):
        found = [name for name in names if kinds[name] == kind]
        if found:
            logger.info("%d %s columns: %s", len(found), kind, ", ".join(found[:8]) + (" …" if len(found) > 8 else ""))
    return {name: kinds[name] for name in names}


def _check_names(names: list[str], config: PrepareTableConfig, what: str) -> None:
    if config.key == config.label:
        raise DataError(f"key and label of {what} are the same column {config.key!r}: they must differ")
    if not names:
        raise DataError(f"{what} has no feature columns beside its key and label")
    for name in (config.key, *names):
        taken = (*_RESERVED, *INTERNAL_COLUMNS, *(_RESERVED_FOR_REJECTS if name == config.key else ()))
        if name.lower() in taken:
            raise DataError(f"column {name!r} of {what} has a name that prepared tables use themselves: rename it")
        if _REFUSED_BY_DELTA.search(name):
            raise DataError(
                f"column {name!r} of {what} has a character that Delta refuses in names (blank, comma, semicolon, "
                "brackets, equals sign, tab, line break): rename it, for instance with underscores"
            )
    for name in config.columns or {}:
        if name in (config.key, config.label):
            raise DataError(f"column {name!r} of {what} is the key or the label: it cannot be a feature too")


def _is_usable(raw: DataFrame, name: str) -> bool:
    from pyspark.sql.types import BooleanType, NumericType

    kind = raw.schema[name].dataType
    return is_text(kind) or isinstance(kind, BooleanType | NumericType)


def _infer_kinds(raw: DataFrame, names: list[str], null_tokens: tuple[str, ...]) -> dict[str, str]:
    from pyspark.sql.types import NumericType

    text = [name for name in names if is_text(raw.schema[name].dataType)]
    is_number = {name: isinstance(raw.schema[name].dataType, NumericType) for name in names}
    kinds = {name: "numeric" if is_number[name] else "categorical" for name in names}
    return kinds | (_infer_text_kinds(raw, text, null_tokens) if text else {})


def _infer_text_kinds(raw: DataFrame, names: list[str], null_tokens: tuple[str, ...]) -> dict[str, str]:
    """One pass: a text column with values is numeric when none of them fails to be a number."""
    from pyspark.sql import functions as F

    rows = raw.where(F.col(MALFORMED_COLUMN).isNull()) if MALFORMED_COLUMN in raw.columns else raw
    counts = [F.count(read_text(name, null_tokens)).alias(f"values_{i}") for i, name in enumerate(names)]
    failures = [F.count_if(is_unparsable(rows, name, null_tokens)).alias(f"bad_{i}") for i, name in enumerate(names)]
    found = rows.agg(*counts, *failures).collect()[0]
    is_numeric = [found[f"values_{i}"] > 0 and found[f"bad_{i}"] == 0 for i in range(len(names))]
    return {name: "numeric" if numeric else "categorical" for name, numeric in zip(names, is_numeric, strict=True)}
