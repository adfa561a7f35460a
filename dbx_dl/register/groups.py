"""Test rows by the values of a column."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbx_dl.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

_MAX_GROUPS = 200


def split_groups(rows: pa.Table, column: str) -> list[tuple[str, pa.Table]]:
    """The rows with each value of a column, named by its text, in its order; nulls come last, as `(null)`.

    DataError for more values than groups can be, and for values that are lists or structs.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    cells = rows.column(column)
    if pa.types.is_nested(cells.type):
        raise DataError(f"column {column!r} holds {cells.type}, which are no groups: name a column of single values")
    values = pc.unique(cells).to_pylist()
    if len(values) > _MAX_GROUPS:
        raise DataError(f"column {column!r} has {len(values)} values on the test split, more than {_MAX_GROUPS} groups")
    found = []
    for value in sorted(values, key=lambda value: (value is None, str(value))):
        inside = rows.filter(pc.is_null(cells) if value is None else pc.equal(cells, value))
        found.append(("(null)" if value is None else str(value), inside))
    return found
