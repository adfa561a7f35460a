"""A task's predictions as one Parquet file, and what Delta's log says of it."""

from __future__ import annotations

import json
import time
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import TracebackType

    import pyarrow as pa
    import pyarrow.parquet as pq

_GROUP_BYTES = 16 * 2**20
# Delta keeps so many characters of a text in a file's statistics.
_BOUND_CHARACTERS = 32
_LAST_CHARACTER = "\U0010ffff"


@dataclass(frozen=True)
class ResultFile:
    """A written data file: `path` relative to the table, `stats` as Delta's JSON, how many rows have which error."""

    path: str
    size_bytes: int
    num_rows: int
    modified_at_ms: int
    stats: str
    error_reasons: Mapping[str, int] = field(default_factory=dict)


class ResultWriter:
    """Writes predictions into a new file `table/folder/…parquet`, which no other attempt of the task shares.

    `bound_column` is the text column whose smallest and largest value Delta is told; texts of
    `error_column` are counted by what is before their colon. On an error the file is removed.
    """

    def __init__(self, table: str, folder: str, schema: pa.Schema, bound_column: str, error_column: str) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        self._relative = f"{folder}/part-{uuid.uuid4().hex}.parquet"
        self._path = Path(table, self._relative)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # Trying a dictionary costs more than it saves where hardly any value repeats.
        repeated = [field.name for field in schema if field.name != bound_column and _is_repeated(field.type)]
        self._schema = schema
        # Nobody looks for rows by the bounds of what stands in lists.
        bounded = [field.name for field in schema if not pa.types.is_nested(field.type)]
        self._footers: list[pq.FileMetaData] = []
        self._writer = pq.ParquetWriter(
            self._path,
            schema,
            compression="snappy",
            use_dictionary=repeated,
            write_statistics=bounded,
            store_schema=False,
            metadata_collector=self._footers,
        )
        self._waiting: list[pa.RecordBatch] = []
        self._waiting_bytes = 0
        self._stats = _Statistics(bound_column, error_column)

    def __enter__(self) -> ResultWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()
        if kind is not None:
            self._path.unlink(missing_ok=True)

    def write(self, batch: pa.RecordBatch) -> None:
        """Add rows; they are kept until they make a row group."""
        self._waiting.append(batch)
        self._waiting_bytes += batch.nbytes
        if self._waiting_bytes >= _GROUP_BYTES:
            self._flush()

    def finish(self) -> ResultFile:
        """Write what is left, and say what the file holds."""
        self._flush()
        self._writer.close()
        return ResultFile(
            path=self._relative,
            size_bytes=self._path.stat().st_size,
            num_rows=self._stats.num_rows,
            modified_at_ms=int(time.time() * 1000),
            stats=self._stats.to_json(self._footers[0]),
            error_reasons=dict(self._stats.error_reasons),
        )

    def _flush(self) -> None:
        import pyarrow as pa

        if self._waiting:
            table = pa.Table.from_batches(self._waiting, self._schema)
            self._stats.add(table)
            self._writer.write_table(table, row_group_size=max(1, table.num_rows))
            self._waiting.clear()
            self._waiting_bytes = 0


@dataclass
class _Statistics:
    bound_column: str
    error_column: str
    num_rows: int = 0
    error_reasons: Counter[str] = field(default_factory=Counter)
    nulls: dict[str, int] = field(default_factory=dict)

    def add(self, rows: pa.Table) -> None:
        self.num_rows += rows.num_rows
        for name, column in zip(rows.schema.names, rows.columns, strict=True):
            self.nulls[name] = self.nulls.get(name, 0) + column.null_count
        self.error_reasons += _count_reasons(rows.column(self.error_column))

    def to_json(self, footer: pq.FileMetaData) -> str:
        stats: dict[str, Any] = {"numRecords": self.num_rows, "nullCount": self.nulls}
        bounds = _find_bounds(footer, self.bound_column)
        if bounds is not None:
            stats |= _to_bounds(self.bound_column, *bounds)
        return json.dumps(stats, ensure_ascii=False)


def _find_bounds(footer: pq.FileMetaData, name: str) -> tuple[str, str] | None:
    """A text column's smallest and largest value, by what Parquet wrote down of its row groups; None if not of all."""
    columns = (footer.schema.column(place).path for place in range(footer.num_columns))
    place = next(place for place, path in enumerate(columns) if path == name)
    parts = [footer.row_group(group).column(place).statistics for group in range(footer.num_row_groups)]
    filled = [part for part in parts if part is None or part.num_values]
    if not filled or any(part is None or not part.has_min_max for part in filled):
        return None
    return min(part.min for part in filled), max(part.max for part in filled)


def _is_repeated(kind: pa.DataType) -> bool:
    import pyarrow.types as types

    return bool(types.is_dictionary(kind) or types.is_string(kind))


def _count_reasons(errors: pa.ChunkedArray) -> Counter[str]:
    import pyarrow.compute as pc

    if errors.null_count == len(errors):
        return Counter()
    reasons = pc.list_element(pc.split_pattern(errors.drop_null(), ": ", max_splits=1), 0)
    return Counter({entry["values"]: entry["counts"] for entry in pc.value_counts(reasons).to_pylist()})


def _to_bounds(column: str, low: str, high: str) -> Mapping[str, Any]:
    """Bounds cut to Delta's length: the lower one sorts before, the upper one after what it stands for."""
    upper = high if len(high) <= _BOUND_CHARACTERS else high[:_BOUND_CHARACTERS] + _LAST_CHARACTER
    return {"minValues": {column: low[:_BOUND_CHARACTERS]}, "maxValues": {column: upper}}
