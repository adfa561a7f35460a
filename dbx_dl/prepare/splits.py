"""Which split a row belongs to: a pure function of its key and the seed, so that adding rows moves no row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbx_dl.contracts import SPLITS

if TYPE_CHECKING:
    from pyspark.sql import Column

    from dbx_dl.config import SplitConfig
    from dbx_dl.contracts import Split

# 13 hex digits are 52 bits, which a double holds exactly.
_HEX_DIGITS = 13


def assign_split(key: Column, config: SplitConfig) -> Column:
    """The split's name for each string key.

    u = (first 13 hex digits of SHA-256 of "<seed>:<key>") / 16^13 lies in [0, 1); rows below `train` go to train,
    below `train + validation` to validation, the rest to test. A split with fraction 0 gets no row. SHA-256 is used
    because every language has it, so that anyone can recompute the split of a key.
    """
    from pyspark.sql import functions as F

    digest = F.sha2(F.concat(F.lit(f"{config.seed}:"), key), 256)
    position = F.conv(F.substring(digest, 1, _HEX_DIGITS), 16, 10).cast("double") / F.lit(float(16**_HEX_DIGITS))
    bounds = split_bounds(config)
    *inner, (last, _) = bounds
    name = F.lit(last)
    for split, upper in reversed(inner):
        name = F.when(position < upper, F.lit(split)).otherwise(name)
    return name


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
