"""When so many rows of a task are errors that it should stop rather than go on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from dbx_dl.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

# The field of a struct of inputs that says what is wrong with a row before any model, for the limit alone.
INPUT_ERROR_FIELD = "_dbx_dl_input_error"
# Before so many rows a share says little, unless these are all.
FIRST_CHECK_ROWS = 1000
_NUM_EXAMPLES = 3


class InputErrors:
    """Errors that rows have before the model: taken from batches as these go in, asked for as predictions come out."""

    def __init__(self) -> None:
        self._waiting: list[pa.Array] = []

    def take(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The batch without INPUT_ERROR_FIELD; a batch may have none."""
        import pyarrow as pa

        place = batch.schema.get_field_index(INPUT_ERROR_FIELD)
        errors = pa.nulls(batch.num_rows) if place < 0 else batch.column(place)
        self._waiting.append(errors.cast(pa.string()))
        return batch if place < 0 else batch.remove_column(place)

    def add(self, structs: pa.StructArray) -> pa.Array:
        """The errors of the next predictions: those before the model where there are any, else their own."""
        import pyarrow as pa
        import pyarrow.compute as pc

        parts, num_rows = [pa.nulls(0, pa.string())], len(structs)
        while num_rows:
            first = self._waiting.pop(0)
            parts.append(first[:num_rows])
            num_rows -= len(parts[-1])
            if len(parts[-1]) < len(first):
                self._waiting.insert(0, first[len(parts[-1]) :])
        return pc.coalesce(pa.concat_arrays(parts), structs.field("error"))


def limit_errors(
    structs: Iterator[pa.StructArray],
    max_fraction: float | None,
    find_errors: Callable[[pa.StructArray], pa.Array] = lambda part: part.field("error"),
) -> Iterator[pa.StructArray]:
    """The same structs; DataError, with examples, when more than `max_fraction` of a task's rows have an error.

    That is their field `error`, or what `find_errors` gives. Counted are the rows of one task, from its start: after
    every batch from the 1000th row on, and at its end. The batch with which the limit is passed is not given out.
    """
    if max_fraction is None:
        yield from structs
        return
    num_rows = num_errors = 0
    examples: list[str] = []
    for part in structs:
        errors = find_errors(part)
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
