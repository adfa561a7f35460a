"""Which split a row belongs to: a pure function of its key, group, label or time, so that it never changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbx_dl.contracts import SPLITS
from dbx_dl.errors import DataError
from dbx_dl.prepare.outcomes import MAX_CLASSES
from dbx_dl.runtime.source_columns import FILE_COLUMN, TRAIN_COLUMN
from dbx_dl.runtime.tables import quote_column, require_columns

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyspark.sql import Column, DataFrame

    from dbx_dl.config import SplitConfig
    from dbx_dl.contracts import Split

# How sources may write the splits, in lower case.
SPLIT_NAMES: dict[str, Split] = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}
# Hexadecimal digits of the hash that are used: 2**48 is exact in a double.
_HEX_DIGITS = 12
_ACCURACY = 10_000
# Fitted bounds per label (stratified), or under EVERYTHING (by time): where train ends and where validation ends.
SplitBounds = dict[str, tuple[float, float]]
EVERYTHING = ""
# Above every position, of hashes in [0, 1) and of microseconds.
_NO_BOUND = 1e300


def assign_split(key: Column, config: SplitConfig) -> Column:
    """The split of a row as a string column, from the hash of its key column (string).

    The first 12 hexadecimal digits of SHA-256(`<seed>:<key>`), as a fraction of 16**12, fall into [0, train),
    [train, train + validation) or [train + validation, 1); a split with fraction 0 gets no row. SHA-256 is used
    because every language has it, so that anyone can recompute the split of a key.
    """
    return _cut(_position(key, config), split_bounds(config))


def fit_split(rows: DataFrame, config: SplitConfig, key: Column, label: Column) -> SplitBounds:
    """The bounds that a split by time, or stratified by `label` (string), needs; empty for the others.

    DataError when a named column is absent, or there are more labels than classes can be. Bounds are quantiles with a
    relative error of 1e-4 at most.
    """
    from pyspark.sql import functions as F

    named = [name for name in (config.group, config.time, config.column) if name is not None]
    require_columns(rows, named, "the source, which `split` names,")
    if config.files:
        rows = rows.where(~F.col(FILE_COLUMN).isin(*config.files))
    if config.time is not None:
        position, group = _time(config.time), F.lit(EVERYTHING)
    elif config.stratify:
        position, group = _position(key, config), label
    else:
        return {}
    shares = F.array(F.lit(config.train), F.lit(min(1.0, config.train + config.validation)))
    quantiles = F.percentile_approx(position, shares, _ACCURACY)
    fitted = rows.where(group.isNotNull()).groupBy(group.alias("group")).agg(quantiles.alias("bounds"))
    found = fitted.limit(MAX_CLASSES + 1).collect()
    if len(found) > MAX_CLASSES:
        raise DataError(f"the label has more than {MAX_CLASSES} different values: it cannot be stratified by")
    return {row["group"]: _open_end(row["bounds"], config) for row in found if row["bounds"]}


def split_rows_by(
    config: SplitConfig,
    bounds: Mapping[str, tuple[float, float]],
    key: Column,
    label: Column,
    *,
    has_training_rows: bool = False,
) -> Column:
    """The split of every row, with the bounds of `fit_split`; null only where a named split is none of ours.

    All rows of a file in `config.files` are in its split. A row without a group, a time or a named split is split by
    its key; so is one with a label that no bound is for. With `has_training_rows` those whose TRAIN_COLUMN is true are
    in the train split, whatever else holds.
    """
    from pyspark.sql import functions as F

    if has_training_rows:
        others = split_rows_by(config, bounds, key, label)
        return F.when(F.col(TRAIN_COLUMN), F.lit("train")).otherwise(others)
    by_rule = _split_by_rule(config, bounds, key, label)
    if not config.files:
        return by_rule
    by_file = (F.when(F.col(FILE_COLUMN) == name, F.lit(split)) for name, split in config.files.items())
    return F.coalesce(*by_file, by_rule)


def _split_by_rule(
    config: SplitConfig, bounds: Mapping[str, tuple[float, float]], key: Column, label: Column
) -> Column:
    from pyspark.sql import functions as F

    by_key = assign_split(key, config)
    if config.column is not None:
        named = F.col(quote_column(config.column)).cast("string")
        return F.when(named.isNull(), by_key).otherwise(normalize_split(named))
    if config.group is not None:
        group = F.col(quote_column(config.group)).cast("string")
        return assign_split(F.coalesce(F.concat(F.lit("group:"), group), key), config)
    if config.time is not None:
        return F.coalesce(_cut_by(bounds, F.lit(EVERYTHING), _time(config.time)), by_key)
    if config.stratify:
        return F.coalesce(_cut_by(bounds, label, _position(key, config)), by_key)
    return by_key


def normalize_split(name: Column) -> Column:
    """`train`, `validation` or `test` for the usual spellings of them (SPLIT_NAMES), else null."""
    from pyspark.sql import functions as F

    text = F.lower(F.trim(name))
    return F.coalesce(*(F.when(text == written, F.lit(split)) for written, split in SPLIT_NAMES.items()))


def split_bounds(config: SplitConfig) -> list[tuple[Split, float]]:
    """Splits with rows in them, in order, each with the upper end of its share of [0, 1); the last one ends at 1."""
    fractions: dict[Split, float] = {"train": config.train, "validation": config.validation, "test": config.test}
    bounds: list[tuple[Split, float]] = []
    upper = 0.0
    for split in SPLITS:
        if fractions[split] > 0:
            upper += fractions[split]
            bounds.append((split, upper))
    return [*bounds[:-1], (bounds[-1][0], 1.0)]


def _position(key: Column, config: SplitConfig) -> Column:
    """The hash of a key as a fraction of [0, 1)."""
    from pyspark.sql import functions as F

    digest = F.sha2(F.concat(F.lit(f"{config.seed}:"), key), 256)
    return F.conv(F.substring(digest, 1, _HEX_DIGITS), 16, 10).cast("double") / F.lit(float(16**_HEX_DIGITS))


def _time(name: str) -> Column:
    from pyspark.sql import functions as F

    return F.unix_micros(F.col(quote_column(name)).try_cast("timestamp")).cast("double")


def _cut(position: Column, bounds: list[tuple[Split, float]]) -> Column:
    from pyspark.sql import functions as F

    *inner, (last, _) = bounds
    name = F.lit(last)
    for split, upper in reversed(inner):
        name = F.when(position < upper, F.lit(split)).otherwise(name)
    return name


def _cut_by(bounds: Mapping[str, tuple[float, float]], group: Column, position: Column) -> Column:
    """Cut where the row's group was; null where there is no bound for it."""
    from pyspark.sql import functions as F

    if not bounds:
        return F.lit(None).cast("string")
    entries = [
        part for name, (train, both) in bounds.items() for part in (F.lit(name), F.array(F.lit(train), F.lit(both)))
    ]
    ends = F.try_element_at(F.create_map(*entries), group)
    return (
        F.when(ends.isNull() | position.isNull(), F.lit(None).cast("string"))
        .when(position <= ends[0], F.lit("train"))
        .when(position <= ends[1], F.lit("validation"))
        .otherwise(F.lit("test"))
    )


def _open_end(bounds: list[float], config: SplitConfig) -> tuple[float, float]:
    train, both = bounds
    if config.train >= 1:
        train = _NO_BOUND
    if config.test == 0 or config.train + config.validation >= 1:
        both = _NO_BOUND
    return train, both
