"""Contracts go from task to task of a Databricks job as values, and as files everywhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dbx_dl.contracts import PreparedTable, RegisteredModel, TableVersion
from dbx_dl.errors import DataError
from dbx_dl.runtime.databricks import find_task_value
from dbx_dl.runtime.handover import MAX_VALUE_BYTES, fetch, keep
from tests.fake_databricks import FakeDatabricks
from tests.unit.monitor.run_report.finished_run import finished_run

TABLE = TableVersion(name="main.vision.digits", path="s3://bucket/digits", version=3)


@pytest.fixture
def databricks(monkeypatch: pytest.MonkeyPatch) -> FakeDatabricks:
    """A job whose task `prepare` is running."""
    fake = FakeDatabricks()
    fake.install(monkeypatch)
    fake.task_values.task = "prepare"
    return fake


def test_without_a_job_a_contract_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABRICKS_RUNTIME_VERSION", raising=False)
    keep(TABLE, tmp_path / "a.json", "a")
    assert fetch(TableVersion, tmp_path / "a.json", "prepare", "a") == TABLE
    with pytest.raises(DataError, match="run the stage that writes it first, prepare"):
        fetch(TableVersion, tmp_path / "b.json", "prepare", "b")


def test_in_a_job_its_own_value_counts(databricks: FakeDatabricks, tmp_path: Path) -> None:
    keep(TABLE, tmp_path / "a.json", "a")
    databricks.task_values.task = "train"
    TABLE.model_copy(update={"version": 4}).save(tmp_path / "a.json")
    assert fetch(TableVersion, tmp_path / "a.json", "prepare", "a") == TABLE
    (tmp_path / "a.json").unlink()
    assert fetch(TableVersion, tmp_path / "a.json", "prepare", "a") == TABLE


def test_a_task_that_the_job_has_not_leaves_the_file(databricks: FakeDatabricks, tmp_path: Path) -> None:
    TABLE.save(tmp_path / "a.json")
    assert fetch(TableVersion, tmp_path / "a.json", "absent", "a") == TABLE


@pytest.mark.parametrize("kind", ["images", "columns"])
def test_contracts_of_a_run_fit(databricks: FakeDatabricks, tmp_path: Path, kind: str) -> None:
    made = finished_run(kind)  # type: ignore[arg-type]
    keep(made.prepared, tmp_path / "prepared.json", "prepared")
    keep(made.registered[0], tmp_path / "registered.json", "registered_keras")
    assert fetch(PreparedTable, tmp_path / "none", "prepare", "prepared") == made.prepared
    assert fetch(RegisteredModel, tmp_path / "none", "prepare", "registered_keras") == made.registered[0]


def test_a_long_one_is_its_files_digest(databricks: FakeDatabricks, tmp_path: Path) -> None:
    made = finished_run("images").prepared
    long = made.model_copy(update={"class_rows": {f"class {number}": number for number in range(4000)}})
    assert len(long.model_dump_json()) > MAX_VALUE_BYTES
    keep(long, tmp_path / "prepared.json", "prepared")
    assert list(json.loads(databricks.task_values.values["prepare"]["prepared"])) == ["file"]
    assert fetch(PreparedTable, tmp_path / "elsewhere.json", "prepare", "prepared") == long
    made.save(tmp_path / "prepared.json")
    with pytest.raises(DataError, match="another run has written it since"):
        fetch(PreparedTable, tmp_path / "prepared.json", "prepare", "prepared")


@pytest.mark.parametrize("num_letters", range(MAX_VALUE_BYTES - 260, MAX_VALUE_BYTES, 13))
def test_the_limit_is_never_passed(databricks: FakeDatabricks, tmp_path: Path, num_letters: int) -> None:
    table = TABLE.model_copy(update={"name": "ä" * (num_letters // 6)})
    keep(table, tmp_path / "a.json", "a")
    assert "a" in databricks.task_values.values["prepare"]
    assert fetch(TableVersion, tmp_path / "a.json", "prepare", "a") == table


def test_neither_files_nor_values_have_the_password_of_mlflow(databricks: FakeDatabricks, tmp_path: Path) -> None:
    trained = finished_run("images").registered[0].onnx.trained
    values = trained.model_dump() | {"tracking_uri": "http://u:SECRET@h:5000"}
    keep(type(trained).model_validate(values), tmp_path / "trained.json", "trained")
    assert "SECRET" not in (tmp_path / "trained.json").read_text()
    assert "SECRET" not in str(find_task_value("prepare", "trained"))
    assert fetch(type(trained), tmp_path / "trained.json", "prepare", "trained").tracking_uri == "http://***@h:5000"
