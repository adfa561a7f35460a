"""A pinned table cut into row groups, and these shared out to tasks by their bytes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dbx_dl.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    import pyarrow.parquet as pq
    from numpy.typing import NDArray

    from dbx_dl.feed.delta_log import DataFile, PinnedLog

_FOOTER_THREADS = 8
_MAX_TASK_BYTES = 256 * 2**20
_MIN_TASK_BYTES = 2**20
# Starting a task takes about as long as scoring so much.
_FULL_TASK_BYTES = 8 * 2**20
# Spark wrote these into files whose old dates are of another calendar, which only it turns back.
_OTHER_CALENDAR = (b"org.apache.spark.legacyDateTime", b"org.apache.spark.legacyINT96")


class OtherCalendarError(DataError):
    """A data file has dates of the Julian calendar."""


@dataclass(frozen=True)
class Piece:
    """One row group of one data file: `num_rows` as stored, `num_bytes` of the columns that are read.

    `partition` are values of partition columns, `kept` one bit for each stored row, 0 for deleted, or None where all
    count.
    """

    path: str
    row_group: int
    num_rows: int
    num_bytes: int
    partition: Mapping[str, Any] = field(default_factory=dict)
    kept: bytes | None = field(default=None, repr=False)

    def read_mask(self) -> NDArray[np.bool_] | None:
        """Boolean (num_rows,), false for deleted rows; None where all count."""
        import numpy as np

        if self.kept is None:
            return None
        return np.unpackbits(np.frombuffer(self.kept, np.uint8), count=self.num_rows).astype(np.bool_)


def list_pieces(log: PinnedLog, columns: Sequence[str]) -> list[Piece]:
    """The row groups that hold rows, in the log's order.

    DataError when a data file is gone or damaged, OtherCalendarError when only Spark reads its dates right.
    """
    has_dates = any(_is_date(log, name) for name in columns)
    with ThreadPoolExecutor(_FOOTER_THREADS) as pool:
        found = list(pool.map(lambda file: _read_footer(log, file, columns, has_dates), log.files))
    return [piece for pieces in found for piece in pieces]


def share_pieces(pieces: Sequence[Piece], num_slots: int) -> tuple[tuple[Piece, ...], ...]:
    """Pieces by task, the largest tasks first: each round of one per slot takes half of the bytes that are left.

    So there are few tasks, and no slot waits long for the last one. Tasks have about 256 MB at most and, where there is
    enough for every slot, 8 MB at least; those of the smallest tables 1 MB; none is without pieces. The rule is that of
    factoring (Hummel, Schonberg and Flynn, "Factoring: a method for scheduling parallel loops", 1992).
    """
    left = deque(sorted(pieces, key=lambda piece: -piece.num_bytes))
    num_bytes = sum(piece.num_bytes for piece in pieces)
    shares = []
    while left:
        size = _choose_size(num_bytes, num_slots)
        for share in [_take(left, size) for _ in range(num_slots) if left]:
            num_bytes -= sum(piece.num_bytes for piece in share)
            shares.append(tuple(sorted(share, key=lambda piece: (piece.path, piece.row_group))))
    return tuple(shares)


def _choose_size(num_bytes: int, num_slots: int) -> int:
    """Bytes of each task of a round, where so many are left."""
    least = max(_MIN_TASK_BYTES, min(_FULL_TASK_BYTES, num_bytes // num_slots))
    return min(_MAX_TASK_BYTES, max(least, num_bytes // (2 * num_slots)))


def _take(left: deque[Piece], num_bytes: int) -> list[Piece]:
    """The first pieces, as many as come closest to so many bytes, but one at least."""
    share = [left.popleft()]
    size = share[0].num_bytes
    while left and size + left[0].num_bytes / 2 <= num_bytes:
        share.append(left.popleft())
        size += share[-1].num_bytes
    return share


def _is_date(log: PinnedLog, name: str) -> bool:
    import pyarrow.types as types

    kind = log.schema.field(name).type
    return bool(types.is_timestamp(kind) or types.is_date(kind))


def _read_footer(log: PinnedLog, data: DataFile, columns: Sequence[str], has_dates: bool) -> list[Piece]:
    import pyarrow as pa

    try:
        with log.storage.open_parquet(data.path) as file:
            written = file.metadata.metadata or {}
            if has_dates and any(name in written for name in _OTHER_CALENDAR):
                raise OtherCalendarError(f"data file {data.path} has dates of the Julian calendar")
            return list(_cut_file(file, data, columns))
    except (pa.ArrowException, OSError) as error:
        reason = log.storage.explain(error)
        raise DataError(f"data file {data.path} of table {log.table.name} cannot be read: {reason}") from None


def _cut_file(file: pq.ParquetFile, data: DataFile, columns: Sequence[str]) -> Iterator[Piece]:
    start = 0
    for group in range(file.metadata.num_row_groups):
        footer = file.metadata.row_group(group)
        mask = _cut_mask(data.kept, start, footer.num_rows)
        start += footer.num_rows
        if footer.num_rows and (mask is None or mask.any()):
            parts = [footer.column(index) for index in range(footer.num_columns)]
            size = sum(part.total_uncompressed_size for part in parts if part.path_in_schema.split(".")[0] in columns)
            yield Piece(data.path, group, footer.num_rows, size, data.partition, _pack(mask))


def _cut_mask(kept: NDArray[np.bool_] | None, start: int, num_rows: int) -> NDArray[np.bool_] | None:
    """The mask of a row group; None where it keeps all. What a file's mask does not reach is kept."""
    import numpy as np

    if kept is None:
        return None
    mask = np.ones(num_rows, np.bool_)
    part = kept[start : start + num_rows]
    mask[: len(part)] = part
    return None if mask.all() else mask


def _pack(mask: NDArray[np.bool_] | None) -> bytes | None:
    import numpy as np

    return None if mask is None else np.packbits(mask).tobytes()
