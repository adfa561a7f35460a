"""What a Spark task does: its pieces' rows through the model into one data file; only what it wrote goes to the driver.

The file counts once the driver has committed it, so a task that failed, or ran twice, changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from dbx_dl.score.columnar.input_hashes import hash_rows
from dbx_dl.score.columnar.key_hashes import find_ranges, hash_keys
from dbx_dl.score.columnar.piece_rows import RowReader
from dbx_dl.score.columnar.raw_values import read_inputs, read_key
from dbx_dl.score.columnar.result_files import ResultWriter
from dbx_dl.score.outputs.error_limit import limit_errors
from dbx_dl.score.predictions import predict_structs
from dbx_dl.score.worker import ShippedModel

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from dbx_dl.contracts import InputSpec
    from dbx_dl.score.columnar.pieces import Piece
    from dbx_dl.score.model.session import ModelSession

KEY_COLUMN, HASH_COLUMN, ERROR_COLUMN = "key", "input_hash", "error"
TASK_RESULT_DDL = (
    "path string, size_bytes long, num_rows long, modified_at_ms long, stats string, error_reasons string, "
    "num_open_keys long, hashes binary, key_ranges binary"
)


@dataclass(frozen=True)
class ScoreTask:
    """What every task of a job must know.

    The model takes `columns`; `inputs` says how they are read where it is one of dbx_dl, others take them as they are.
    `schema` is the predictions table's: the key, the fields of the model's predictions, `input_hash`, and the columns
    of `lineage`, a row of values that all rows share. Files are written into `table`/`folder`. `input_hash` is null
    without `has_input_hashes`.
    """

    model: ShippedModel
    inputs: InputSpec | None
    columns: tuple[str, ...]
    reader: RowReader
    key: str
    null_tokens: tuple[str, ...]
    table: str
    folder: str
    schema: pa.Schema
    lineage: pa.RecordBatch
    has_hashes: bool
    options_digest: int | None = None
    has_input_hashes: bool = True

    def run(self, pieces: tuple[Piece, ...]) -> pa.RecordBatch:
        """Score the pieces and write the file; one row of TASK_RESULT_DDL.

        DataError when a file cannot be read, or more rows are errors than the model's limit allows.
        """
        import pyarrow as pa

        session, keys, shared = self.model.open(), _KeysSeen(self.has_hashes), _SharedValues(self.lineage)
        with ResultWriter(self.table, self.folder, self._stored_schema, KEY_COLUMN, ERROR_COLUMN) as writer:
            scored = (
                batch.to_struct_array()
                for rows in self.reader.read(pieces)
                for batch in self._predict(session, keys.note(rows, self.key), shared)
            )
            for structs in limit_errors(scored, self.model.max_error_fraction):
                writer.write(pa.RecordBatch.from_struct_array(structs))
            found = writer.finish()
        texts = {"error_reasons": json.dumps(found.error_reasons)}
        return _to_batch({**asdict(found), **texts, **keys.as_values()})

    def _predict(self, session: ModelSession, rows: pa.RecordBatch, shared: _SharedValues) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        columns, input_errors = read_inputs(rows, self.inputs, self.columns, self.null_tokens)
        known = {
            KEY_COLUMN: read_key(rows.column(self.key)),
            HASH_COLUMN: hash_rows(columns, self.inputs, input_errors, self.options_digest)
            if self.has_input_hashes
            else pa.nulls(rows.num_rows, pa.int64()),
            **shared.take(rows.num_rows),
        }
        start, schema = 0, self._stored_schema
        for structs in predict_structs(session, columns):
            end = start + len(structs)
            errors = {row - start: text for row, text in input_errors.items() if start <= row < end}
            fields = dict(zip((field.name for field in structs.type), structs.flatten(), strict=True))
            found = {name: column[start:end] for name, column in known.items()}
            found |= _replace_rows(fields, errors) if errors else fields
            yield pa.RecordBatch.from_arrays([found[name] for name in schema.names], schema=schema)
            start = end

    @cached_property
    def _stored_schema(self) -> pa.Schema:
        """The table's schema in which shared texts are dictionaries, which cost nothing to repeat and to write."""
        import pyarrow as pa

        shared = dict(zip(self.lineage.schema.names, self.lineage.schema.types, strict=True))
        fields = [
            pa.field(
                field.name, pa.dictionary(pa.int8(), field.type) if _is_text(shared.get(field.name)) else field.type
            )
            for field in self.schema
        ]
        return pa.schema(fields)


@dataclass
class _SharedValues:
    """The values of a row as columns; those of the longest batch so far are kept, since batches are mostly alike."""

    row: pa.RecordBatch
    num_rows: int = -1
    columns: dict[str, pa.Array] = field(default_factory=dict)

    def take(self, num_rows: int) -> dict[str, pa.Array]:
        """Columns of so many rows; texts as dictionaries."""
        if num_rows > self.num_rows:
            self.num_rows = num_rows
            self.columns = {name: _repeat(self.row.column(name), num_rows) for name in self.row.schema.names}
        return {name: column[:num_rows] for name, column in self.columns.items()}


def _repeat(column: pa.Array, num_rows: int) -> pa.Array:
    import numpy as np
    import pyarrow as pa

    if not _is_text(column.type):
        return pa.repeat(column[0], num_rows)
    is_null = not column[0].is_valid
    indices = pa.array(np.zeros(num_rows, np.int8), mask=np.full(num_rows, is_null))
    return pa.DictionaryArray.from_arrays(indices, column if not is_null else pa.array([""], column.type))


@dataclass
class _KeysSeen:
    """What a task tells of its keys: their ranges or hashes, and how many there are of which it tells nothing."""

    has_hashes: bool
    num_open: int = 0
    hashes: bytearray = field(default_factory=bytearray)
    ranges: list[tuple[int, int]] = field(default_factory=list)

    def note(self, rows: pa.RecordBatch, name: str) -> pa.RecordBatch:
        """The rows as they are, their keys noted."""
        keys = rows.column(name)
        found = find_ranges(keys)
        if found is not None:
            for first, last in found:
                self._add_range(first, last)
        elif self.has_hashes:
            self.num_open += keys.null_count
            self.hashes += hash_keys(keys.drop_null()).tobytes()
        else:
            self.num_open += len(keys)
        return rows

    def _add_range(self, first: int, last: int) -> None:
        """A range that goes on where the last one ends makes that longer."""
        if self.ranges and self.ranges[-1][1] + 1 == first:
            first = self.ranges.pop()[0]
        self.ranges.append((first, last))

    def as_values(self) -> dict[str, Any]:
        """The columns of TASK_RESULT_DDL; ranges as pairs of int64."""
        import numpy as np

        ranges = np.array(self.ranges, np.int64).tobytes()
        return {"num_open_keys": self.num_open, "hashes": bytes(self.hashes), "key_ranges": ranges}


def run_tasks(task: ScoreTask, shares: tuple[tuple[Piece, ...], ...]) -> Any:
    """The function of `mapInArrow` over a range of len(shares) numbers: a row of TASK_RESULT_DDL for each."""

    def score_shares(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for number in batch.column(0).to_pylist():
                yield task.run(shares[number])

    return score_shares


def _replace_rows(fields: dict[str, pa.Array], errors: dict[int, str]) -> dict[str, pa.Array]:
    """Fields of predictions in which rows that had an error before the model have only that."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    num_rows = len(fields["error"])
    is_sound: np.ndarray = np.ones(num_rows, bool)
    is_sound[list(errors)] = False
    found = {name: _keep_rows(field, is_sound) for name, field in fields.items()}
    texts = pa.array([errors.get(row) for row in range(num_rows)], pa.string())
    return {**found, "error": pc.coalesce(texts, fields["error"])}


def _keep_rows(column: pa.Array, is_kept: np.ndarray) -> pa.Array:
    """The column with null where it is not kept."""
    import numpy as np
    import pyarrow as pa

    places = pa.array(np.arange(len(column)), mask=~is_kept)
    return column.take(places)


def _is_text(kind: pa.DataType | None) -> bool:
    import pyarrow.types as types

    return kind is not None and bool(types.is_string(kind))


def _to_batch(values: dict[str, Any]) -> pa.RecordBatch:
    import pyarrow as pa

    kinds = {"string": pa.string(), "long": pa.int64(), "binary": pa.binary()}
    fields = [part.split() for part in TASK_RESULT_DDL.split(", ")]
    arrays = [pa.array([values[name]], kinds[kind]) for name, kind in fields]
    return pa.RecordBatch.from_arrays(arrays, names=[name for name, _ in fields])
