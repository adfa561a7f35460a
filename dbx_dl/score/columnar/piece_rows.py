"""The rows of pieces as Arrow batches of bounded memory, with the table's types."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from dbx_dl.errors import DataError
from dbx_dl.score.model.plan import MAX_BATCH_ROWS

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from dbx_dl.feed.storage import Storage
    from dbx_dl.score.columnar.pieces import Piece

_BATCH_BYTES = 32 * 2**20
_MAX_READ_ROWS = 16 * MAX_BATCH_ROWS


@dataclass(frozen=True)
class RowReader:
    """Reads pieces of one table; `schema` has the columns that are read, with the table's types."""

    storage: Storage
    schema: pa.Schema

    def read(self, pieces: Sequence[Piece]) -> Iterator[pa.RecordBatch]:
        """Batches of the pieces' rows that are not deleted, in order; DataError when a file is gone or damaged."""
        import pyarrow as pa

        for path, group in groupby(pieces, key=lambda piece: piece.path):
            try:
                with self.storage.open_parquet(path) as file:
                    for piece in group:
                        yield from self._read_piece(file, piece)
            except (pa.ArrowException, OSError) as error:
                raise DataError(f"data file {path} cannot be read: {self.storage.explain(error)}") from None

    def _read_piece(self, file: pq.ParquetFile, piece: Piece) -> Iterator[pa.RecordBatch]:
        written = set(file.schema_arrow.names)
        names = [name for name in self.schema.names if name in written and name not in piece.partition]
        mask, start = piece.read_mask(), 0
        batches = file.iter_batches(
            count_read_rows(piece), row_groups=[piece.row_group], columns=names, use_threads=False
        )
        for batch in batches if names else _count_out(piece):
            rows = self._complete(batch, piece)
            end = start + batch.num_rows
            yield rows if mask is None else rows.filter(_to_arrow(mask[start:end]))
            start = end

    def _complete(self, batch: pa.RecordBatch, piece: Piece) -> pa.RecordBatch:
        """All columns in the table's types: partition columns have their file's value, columns newer than it null."""
        import pyarrow as pa

        arrays, found = [], set(batch.schema.names)
        for field in self.schema:
            if field.name in found:
                column = batch.column(field.name)
                arrays.append(column if column.type == field.type else column.cast(field.type))
                continue
            value = piece.partition.get(field.name)
            constant = pa.nulls(1, field.type)[0] if value is None else pa.scalar(value, field.type)
            arrays.append(pa.repeat(constant, batch.num_rows))
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)


def count_read_rows(piece: Piece) -> int:
    """Rows of a batch: about 32 MB of stored values, whole model batches where it is more than one."""
    num_rows = min(_MAX_READ_ROWS, _BATCH_BYTES * piece.num_rows // max(1, piece.num_bytes))
    return max(1, num_rows - num_rows % MAX_BATCH_ROWS if num_rows > MAX_BATCH_ROWS else num_rows)


def _count_out(piece: Piece) -> Iterator[pa.RecordBatch]:
    """Batches without columns, where a file has none of those that are read."""
    import pyarrow as pa

    rows = pa.table({"row": pa.nulls(piece.num_rows)})
    yield from rows.to_batches(max_chunksize=count_read_rows(piece))


def _to_arrow(mask: object) -> pa.Array:
    import pyarrow as pa

    return pa.array(mask, pa.bool_())
