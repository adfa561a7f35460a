"""Preparing a table again: it follows its source, and keeps its spec, its label indices and its splits."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import deltalake
import pytest

from dbx_dl.config import PrepareTableConfig
from dbx_dl.contracts import PreparedTable
from dbx_dl.errors import DataError
from dbx_dl.prepare.commits import load_prepared
from dbx_dl.prepare.tabular.prepare import prepare_table
from dbx_dl.runtime.tables import read_pinned

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def write_rows(place: Path, rows: range, *extra: str) -> None:
    lines = [f"k{i},{i * 0.5},{'red' if i % 3 else 'blue'},{'yn'[i % 2]}" for i in rows]
    (place / "in.csv").write_text("\n".join(["id,size,colour,label", *lines, *extra]) + "\n")


def configure(place: Path, **changes: Any) -> PrepareTableConfig:
    values = {"source": str(place / "in.csv"), "table": str(place / "out"), "key": "id", "label": "label"}
    return PrepareTableConfig.model_validate({**values, **changes})


def read_rows(prepared: PreparedTable) -> dict[str, dict[str, Any]]:
    table = deltalake.DeltaTable(prepared.table.path, version=prepared.table.version).to_pyarrow_table()
    return {row["id"]: row for row in table.to_pylist()}


def test_a_table_follows_its_source(spark: SparkSession, tmp_path: Path) -> None:
    split = {"stratify": True}
    write_rows(tmp_path, range(60), ",7,red,y")
    first = prepare_table(spark, configure(tmp_path, split=split))
    assert prepare_table(spark, configure(tmp_path, split=split)) == first
    assert load_prepared(spark, str(tmp_path / "out")) == first

    write_rows(tmp_path, range(10, 70), "new,1000000,green,a", "bad,much,red,y")
    second = prepare_table(spark, configure(tmp_path, split=split, max_reject_fraction=0.1))
    before, after = read_rows(first), read_rows(second)
    assert set(after) == {f"k{i}" for i in range(10, 70)} | {"new"}
    assert all(after[key] == row for key, row in before.items() if key in after)
    assert second.inputs == first.inputs
    assert second.target.label_names == ("n", "y", "a")
    assert after["new"]["label_index"] == 2
    assert second.reject_reasons == {"not_a_number": 1}
    assert second.table.version == first.table.version + 1
    assert read_pinned(spark, first.table).count() == 60

    with pytest.raises(DataError, match=r"was prepared with split\.stratify = True, not False: set `refit: true`"):
        prepare_table(spark, configure(tmp_path))
    (tmp_path / "in.csv").write_text("id,size,label\nk1,2,y\n")
    with pytest.raises(DataError, match="has no column 'colour'"):
        prepare_table(spark, configure(tmp_path, split=split))
    assert load_prepared(spark, str(tmp_path / "out")) == second

    write_rows(tmp_path, range(20, 70))
    anew = prepare_table(spark, configure(tmp_path, refit=True))
    assert anew.inputs != first.inputs
    assert anew.target.label_names == ("n", "y")
