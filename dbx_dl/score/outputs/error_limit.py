"""When so many rows of a task are errors that it should stop rather than go on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dbx_dl.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

# Before so many rows a share says little, unless these are all.
FIRST_CHECK_ROWS = 1000
_NUM_EXAMPLES = 3


def limit_errors(structs: Iterator[pa.StructArray], max_fraction: float | None) -> Iterator[pa.StructArray]:
    """The same structs; DataError, with examples, when more than `max_fraction` of a task's rows have an `error`.

    Counted are the rows of one task, from its start: after every batch from the 1000th row on, and at its end. The
    batch with which the limit is passed is not given out.
    """
    if max_fraction is None:
        yield from structs
        return
    num_rows = num_errors = 0
    examples: list[str] = []
    for part in structs:
        errors = part.field("error")
        num_rows += len(part)
        num_errors += len(part) - errors.null_count
        if len(examples) < _NUM_EXAMPLES and errors.null_count < len(part):
            found = errors.drop_null().unique().to_pylist()
            examples = list(dict.fromkeys([*examples, *found]))[:_NUM_EXAMPLES]
        if num_rows >= FIRST_CHECK_ROWS:
            _check(num_rows, num_errors, max_fraction, examples)
        yield part
    _check(num_rows, num_errors, max_fraction, examples)


def _check(num_rows: int, num_errors: int, max_fraction: float, examples: list[str]) -> None:
    if num_errors > max_fraction * num_rows:
        raise DataError(
            f"{num_errors} of the {num_rows} rows that this task scored are errors, more than the allowed share of "
            f"{max_fraction:g}; such as: {' | '.join(examples)}"
        )
