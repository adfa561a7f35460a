"""CSV files as they are published: no header and no key, comments, a label that is written in two ways, two splits."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import deltalake
import pandas as pd
import pytest
import yaml

from dbx_dl.config import CsvOptions, PrepareTableConfig
from dbx_dl.contracts import FeatureSpec, PreparedTable
from dbx_dl.errors import DataError
from dbx_dl.prepare.tabular.prepare import prepare_table
from dbx_dl.runtime.processes import call_in_process
from dbx_dl.runtime.row_sources import read_rows
from tests.adult_rows import NAMES, draw_rows, write_files

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

RUN = Path(__file__).parents[3] / "conf" / "runs" / "adult_census.yml"
NUM_TRAIN, NUM_TEST = 300, 120


def configure(source: Path, table: Path, **changes: Any) -> PrepareTableConfig:
    """What the Adult Census run says, with another place and some changes."""
    values = yaml.safe_load(RUN.read_text())["prepare"]
    return PrepareTableConfig.model_validate({**values, "source": str(source), "table": str(table), **changes})


def read_stored(prepared: PreparedTable) -> pd.DataFrame:
    return deltalake.DeltaTable(prepared.table.path, version=prepared.table.version).to_pandas().set_index("person")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("published") / "adult [1]"
    train = draw_rows(NUM_TRAIN)
    train.cells[1] = train.cells[2] = train.cells[0]
    write_files(folder, train, draw_rows(NUM_TEST, seed=1))
    with (folder / "adult.data").open("a") as file:
        file.write("39, State-gov, 77516\n")
    return folder


@pytest.fixture(scope="module")
def prepared(spark: SparkSession, source: Path) -> PreparedTable:
    return prepare_table(spark, configure(source, source.parent / "tables" / "adult"))


def test_files_without_header_or_key_become_a_table(prepared: PreparedTable) -> None:
    stored = read_stored(prepared)
    assert (prepared.num_rows, prepared.reject_reasons) == (NUM_TRAIN + NUM_TEST, {"malformed_row": 1})
    assert (prepared.target.task, set(prepared.target.label_names)) == ("binary", {"<=50K", ">50K"})
    assert prepared.split_rows["test"] == NUM_TEST
    assert prepared.split_rows["train"] > 5 * prepared.split_rows["validation"] > 0
    assert isinstance(prepared.inputs, FeatureSpec)
    kinds = {feature.column: feature.kind for feature in prepared.inputs.features}
    assert kinds["age"] == "numeric" and kinds["occupation"] == kinds["sex"] == "categorical"
    assert "fnlwgt" not in kinds and stored["fnlwgt"].dtype == "float64" and stored["fnlwgt"].min() >= 12285
    assert stored["workclass"].isna().sum() > 10


def test_keys_are_made_of_the_row_and_its_files_name(prepared: PreparedTable) -> None:
    stored = read_stored(prepared)
    cells = draw_rows(NUM_TRAIN).cells[0]
    text = "adult.data\n" + json.dumps(cells, separators=(",", ":"))
    key = hashlib.sha256(text.encode()).hexdigest()[:32]
    assert {key, f"{key}-2", f"{key}-3"} <= set(stored.index)
    assert stored.index.str.fullmatch(r"[0-9a-f]{32}(-\d+)?").all() and stored.index.is_unique


@pytest.mark.matrix
def test_a_key_stays_when_rows_come_go_and_change_places(spark: SparkSession, source: Path, tmp_path: Path) -> None:
    folder, table = tmp_path / "adult", tmp_path / "table"
    folder.mkdir()
    for name in ("adult.data", "adult.test"):
        (folder / name).write_text((source / name).read_text())
    lines = (folder / "adult.data").read_text().strip().splitlines()[:-1]
    (folder / "adult.data").write_text("\n".join(lines))
    first = prepare_table(spark, configure(folder, table))
    before = read_stored(first)
    (folder / "adult.data").write_text("\n".join(reversed(lines)))
    assert prepare_table(spark, configure(folder, table)) == first
    (folder / "adult.data").write_text("\n".join([*reversed(lines[:-20]), lines[0]]))
    after = read_stored(prepare_table(spark, configure(folder, table)))
    stayed = before.index.intersection(after.index)
    assert (len(after), len(stayed)) == (NUM_TRAIN + NUM_TEST - 19 + 1, NUM_TRAIN + NUM_TEST - 19)
    pd.testing.assert_frame_equal(before.loc[stayed].sort_index(), after.loc[stayed].sort_index())


@pytest.mark.matrix
def test_a_connect_session_prepares_the_same(prepared: PreparedTable, source: Path, tmp_path: Path) -> None:
    values = configure(source, tmp_path / "remote").model_dump(mode="json")
    target = "tests.spark.prepare.published_process:prepare_remotely"
    found = PreparedTable.model_validate(call_in_process(target, {"values": values}))
    assert found.split_rows == prepared.split_rows and found.inputs == prepared.inputs
    pd.testing.assert_frame_equal(read_stored(found).sort_index(), read_stored(prepared).sort_index())


BAD = {
    "too few names": ({"names": NAMES[:-1]}, "adult.data has 15 values in its first row, but `csv.names` has 14 names"),
    "another delimiter": ({"delimiter": ";"}, "has 1 values in its first row, but `csv.names` has 15 names"),
    "no such file": ({"files": ("adult.data", "adult.tests")}, "adult.tests does not exist"),
    "nothing but comments": ({"files": ("adult.names",), "comment": "|"}, "but `csv.names` has 15 names"),
    "a taken name": ({"key_column": "Age"}, "with `csv.key_column`, has the name 'Age' twice"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_does_not_fit_the_files_is_told(spark: SparkSession, source: Path, name: str) -> None:
    changes, message = BAD[name]
    options = {"header": False, "names": NAMES, "files": ("adult.data",), **changes}
    with pytest.raises(DataError, match=message) as raised:
        read_rows(spark, str(source), "csv", CsvOptions.model_validate(options))
    assert len(str(raised.value).splitlines()) == 1
