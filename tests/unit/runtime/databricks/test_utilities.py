"""Parameters, task values and secrets: from `dbutils` on Databricks, and what stands for them elsewhere."""

from __future__ import annotations

import sys

import pytest

from dbx_dl.errors import ConfigError, SetupError
from dbx_dl.runtime.databricks import find_task_value, read_parameter, set_task_value
from dbx_dl.runtime.databricks.utilities import read_secret
from tests.fake_databricks import FakeDatabricks, FakeSecrets


@pytest.fixture
def databricks(monkeypatch: pytest.MonkeyPatch) -> FakeDatabricks:
    """A cluster whose notebook runs outside of a job."""
    fake = FakeDatabricks()
    fake.install(monkeypatch)
    return fake


def test_parameters_are_widgets_there(databricks: FakeDatabricks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBX_DL_CONFIG", "not this")
    assert read_parameter("config", "a.yml") == "a.yml"
    assert databricks.widgets.made == {"config": "a.yml"}
    databricks.widgets.given["config"] = "b.yml"
    assert read_parameter("config", "a.yml") == "b.yml"


def test_parameters_are_variables_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABRICKS_RUNTIME_VERSION", raising=False)
    assert read_parameter("config", "a.yml") == "a.yml"
    monkeypatch.setenv("DBX_DL_CONFIG", "b.yml")
    assert read_parameter("config", "a.yml") == "b.yml"


def test_values_go_from_task_to_task(databricks: FakeDatabricks) -> None:
    databricks.task_values.task = "prepare"
    set_task_value("prepared", {"rows": 5})
    databricks.task_values.task = "train"
    assert find_task_value("prepare", "prepared") == {"rows": 5}
    assert find_task_value("prepare", "other") is None
    assert find_task_value("absent", "prepared") is None


def test_a_value_that_is_not_taken_ends_no_stage(databricks: FakeDatabricks, caplog: pytest.LogCaptureFixture) -> None:
    databricks.task_values.task = "prepare"
    set_task_value("prepared", "x" * 50_000)
    assert "task value prepared is not left for later tasks" in caplog.text and "exceeds" in caplog.text
    assert find_task_value("prepare", "prepared") is None


def test_outside_of_a_job_there_are_no_values(databricks: FakeDatabricks, monkeypatch: pytest.MonkeyPatch) -> None:
    set_task_value("prepared", 1)
    assert find_task_value("prepare", "prepared") is None
    monkeypatch.delenv("DATABRICKS_RUNTIME_VERSION")
    set_task_value("prepared", 1)
    assert find_task_value("prepare", "prepared") is None
    assert databricks.task_values.values == {}


def test_another_failure_is_not_taken_for_no_value(databricks: FakeDatabricks, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: str) -> None:
        raise RuntimeError("connection lost")

    monkeypatch.setattr(databricks.task_values, "get", fail)
    with pytest.raises(RuntimeError, match="connection lost"):
        find_task_value("prepare", "prepared")


def test_secrets_are_read_by_scope_and_key(databricks: FakeDatabricks, monkeypatch: pytest.MonkeyPatch) -> None:
    databricks.secrets = FakeSecrets({"stores": {"key": "hunter2"}})
    assert read_secret("stores/key") == "hunter2"
    with pytest.raises(ConfigError, match="secret stores/other cannot be read: Secret does not exist"):
        read_secret("stores/other")
    databricks.secrets.get = _raise_without_a_text  # type: ignore[method-assign]
    with pytest.raises(ConfigError, match="secret stores/other cannot be read: RuntimeError"):
        read_secret("stores/other")
    with pytest.raises(ConfigError, match="'stores' is no secret's place: write scope/key"):
        read_secret("stores")
    monkeypatch.delenv("DATABRICKS_RUNTIME_VERSION")
    with pytest.raises(ConfigError, match="this is elsewhere: use env:NAME"):
        read_secret("stores/key")


def _raise_without_a_text(scope: str, key: str) -> str:
    raise RuntimeError


def test_a_databricks_without_utilities_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABRICKS_RUNTIME_VERSION", "17.3")
    monkeypatch.setitem(sys.modules, "pyspark.dbutils", None)
    with pytest.raises(SetupError, match=r"pyspark\.dbutils is not there"):
        read_parameter("config", "a.yml")
