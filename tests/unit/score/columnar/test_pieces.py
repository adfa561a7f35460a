"""Row groups of a pinned table: which hold rows, how they are shared out, and what is read of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from dbx_dl.contracts import TableVersion
from dbx_dl.errors import DataError
from dbx_dl.feed.delta_log import DataFile, PinnedLog, read_log
from dbx_dl.feed.storage import Storage
from dbx_dl.score.columnar.piece_rows import RowReader, count_read_rows
from dbx_dl.score.columnar.pieces import Piece, list_pieces, share_pieces
from tests.prepared_tables import write_feature_table


def open_table(path: Path) -> PinnedLog:
    return read_log(TableVersion(name=str(path), path=str(path), version=DeltaTable(path).version()))


def read_all(log: PinnedLog, pieces: list[Piece], names: list[str]) -> pa.Table:
    schema = pa.schema([log.schema.field(name) for name in names])
    return pa.Table.from_batches(RowReader(log.storage, schema).read(pieces), schema)


def test_all_row_groups_are_read_with_partition_columns(tmp_path: Path) -> None:
    write_feature_table(tmp_path / "t", {"train": 25, "test": 7}, rows_per_file=10, rows_per_group=4)
    log = open_table(tmp_path / "t")
    pieces = list_pieces(log, ["key", "split"])
    assert sorted(piece.num_rows for piece in pieces) == [1, 2, 2, 3, 4, 4, 4, 4, 4, 4]
    found = read_all(log, pieces, ["split", "key"])
    assert sorted(key.startswith(split) for split, key in zip(*found.to_pydict().values(), strict=True)) == [True] * 32
    assert read_all(log, pieces, ["split"]).num_rows == 32


def test_deleted_rows_are_left_out_and_whole_groups_skipped(tmp_path: Path) -> None:
    write_deltalake(tmp_path / "t", pa.table({"id": range(10)}))
    log = open_table(tmp_path / "t")
    kept = np.array([True, False, True, True, False])  # what it does not reach is kept
    some = PinnedLog(log.table, log.storage, log.schema, (DataFile(log.files[0].path, {}, {}, kept),))
    assert read_all(some, list_pieces(some, ["id"]), ["id"])["id"].to_pylist() == [0, 2, 3, 5, 6, 7, 8, 9]
    none = PinnedLog(log.table, log.storage, log.schema, (DataFile(log.files[0].path, {}, {}, np.zeros(10, bool)),))
    assert list_pieces(none, ["id"]) == []


def test_a_missing_file_is_an_error_of_one_line(tmp_path: Path) -> None:
    write_deltalake(tmp_path / "t", pa.table({"id": range(10)}))
    log = open_table(tmp_path / "t")
    pieces = list_pieces(log, ["id"])
    Path(log.files[0].path).unlink()
    with pytest.raises(DataError, match="cannot be read"):
        list_pieces(log, ["id"])
    with pytest.raises(DataError, match="cannot be read"):
        read_all(log, pieces, ["id"])


def test_shares_hold_every_piece_once_and_become_smaller() -> None:
    sizes = [1, 5, 3, 200, 90, 80, 7, 7, 7, 60]
    shares = share_pieces([Piece(f"f{place}", 0, 1, size * 2**20) for place, size in enumerate(sizes)], 2)
    found = [[piece.num_bytes // 2**20 for piece in share] for share in shares]
    assert found == [[200], [90], [80], [60], [7], [7], [7], [5, 3], [1]]


def test_each_round_takes_half_of_what_is_left_in_tasks_that_are_worth_their_start() -> None:
    def count(number: int, size: int = 2**20) -> list[int]:
        return [len(share) for share in share_pieces([Piece("f", each, 1, size) for each in range(number)], 2)]

    assert count(400) == [100, 100, 50, 50, 25, 25, 13, 13, 8, 8, 4, 4]
    assert count(40) == [10, 10, 8, 8, 2, 2] and count(12) == [6, 6] and count(2) == [1, 1] and count(1) == [1]
    assert count(3, 10) == [3] and count(5, 0) == [5] and count(0) == []
    assert max(count(100, 64 * 2**20)) == 4


def test_batches_are_bounded_by_bytes_and_whole_model_batches() -> None:
    assert count_read_rows(Piece("f", 0, 10**6, 10**8)) == 16 * 4096
    assert count_read_rows(Piece("f", 0, 10**6, 6 * 10**9)) % 4096 == 0
    assert count_read_rows(Piece("f", 0, 100, 10**9)) == 3 and count_read_rows(Piece("f", 0, 1, 2**40)) == 1
    assert Storage("/").is_local
