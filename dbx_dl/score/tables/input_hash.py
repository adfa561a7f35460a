"""A number that changes when a row's model inputs do, or what is made of them, whatever else changes in the row."""

from __future__ import annotations

import hashlib
import json
from functools import reduce
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import Column
    from pyspark.sql.types import DataType

    from dbx_dl.config import ScoreOptions

# So many columns share a bigint that says which of them are null.
COLUMNS_PER_WORD = 63


def digest_options(options: ScoreOptions) -> int | None:
    """A signed number of 64 bits for the options that decide predictions; None where all of them are the defaults."""
    values = options.deciding
    if not values:
        return None
    digest = hashlib.sha256(json.dumps(values, sort_keys=True).encode()).digest()
    return int.from_bytes(digest[:8], "little", signed=True)


def hash_inputs(columns: Sequence[tuple[Column, DataType]], options_digest: int | None = None) -> Column:
    """64 bits of the values, as bigint, never null; collisions are one in 2^64 for a row that changes.

    `options_digest` counts as one more bigint, where it is given: a row with other options has another hash.

    A null differs from every value and from a null in another place (Spark's own hash leaves nulls out), NaNs are
    equal, and so are 0.0 and -0.0. Binary counts by its bytes, a timestamp by its instant.
    """
    from pyspark.sql import functions as F
    from pyspark.sql import types as T

    if options_digest is not None:
        columns = [*columns, (F.lit(options_digest).cast("bigint"), T.LongType())]
    parts: list[Column] = []
    for start in range(0, len(columns), COLUMNS_PER_WORD):
        group = columns[start : start + COLUMNS_PER_WORD]
        parts += [_pack_nulls([column for column, _ in group]), *(_hashable(column, kind) for column, kind in group)]
    return F.xxhash64(*parts)


def _pack_nulls(columns: Sequence[Column]) -> Column:
    """Bit k of a bigint is 1 where column k is null: one value to hash in place of one a column."""
    from pyspark.sql import functions as F

    bits = [F.shiftleft(column.isNull().cast("bigint"), place) for place, column in enumerate(columns)]
    return reduce(lambda word, bit: word.bitwiseOR(bit), bits)


def _hashable(column: Column, kind: DataType) -> Column:
    """The value as one that Spark's hash reads whole."""
    from pyspark.sql import functions as F
    from pyspark.sql import types as T

    if isinstance(kind, T.ArrayType):
        element = kind.elementType
        parts = F.transform(column, lambda value: F.struct(value.isNull(), _hashable(value, element)))
        return F.struct(F.size(column), parts)
    if isinstance(kind, T.MapType):
        entries = T.StructType().add("key", kind.keyType).add("value", kind.valueType)
        return _hashable(F.array_sort(F.map_entries(column)), T.ArrayType(entries))
    if isinstance(kind, T.StructType):
        fields = [(column.getField(field.name), field.dataType) for field in kind]
        return F.struct(*(part for value, inner in fields for part in (value.isNull(), _hashable(value, inner))))
    return column
