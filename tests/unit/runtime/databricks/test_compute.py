"""Databricks, and the kind of its compute, are recognized by variables, settings and sessions."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyspark.errors import AnalysisException

from dbx_dl.runtime.databricks import Compute, find_compute, is_databricks
from tests.fake_databricks import FakeConnectSession, FakeSession

MODE = "spark.databricks.clusterUsageTags.dataSecurityMode"


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABRICKS_RUNTIME_VERSION", "DATABRICKS_ENV_VERSION"):
        monkeypatch.delenv(name, raising=False)


def test_databricks_is_recognized(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert not is_databricks()
    monkeypatch.setenv("DATABRICKS_RUNTIME_VERSION", "17.3")
    assert is_databricks()
    monkeypatch.delenv("DATABRICKS_RUNTIME_VERSION")
    (tmp_path / "DBR_VERSION").write_text("17.3")
    monkeypatch.setattr("dbx_dl.runtime.databricks.compute._VERSION_FILE", tmp_path / "DBR_VERSION")
    assert is_databricks()


def test_elsewhere_a_session_tells_nothing() -> None:
    assert find_compute(FakeConnectSession({MODE: "SINGLE_USER"})) is Compute.ELSEWHERE  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("variables", "session", "expected"),
    [
        ({"DATABRICKS_RUNTIME_VERSION": "client.4.9"}, FakeConnectSession(), Compute.SERVERLESS),
        ({"DATABRICKS_ENV_VERSION": "4"}, FakeConnectSession(), Compute.SERVERLESS),
        ({"DATABRICKS_RUNTIME_VERSION": "17.3"}, FakeSession({MODE: "SINGLE_USER"}), Compute.DEDICATED),
        ({"DATABRICKS_RUNTIME_VERSION": "17.3"}, FakeConnectSession({MODE: "SINGLE_USER"}), Compute.DEDICATED),
        ({"DATABRICKS_RUNTIME_VERSION": "17.3"}, FakeConnectSession({MODE: "user_isolation"}), Compute.STANDARD),
        ({"DATABRICKS_RUNTIME_VERSION": "17.3"}, FakeSession(), Compute.DEDICATED),
        ({"DATABRICKS_RUNTIME_VERSION": "17.3"}, FakeConnectSession(), Compute.STANDARD),
        (
            {"DATABRICKS_RUNTIME_VERSION": "17.3"},
            FakeConnectSession(refuses=AnalysisException("[CONFIG_NOT_AVAILABLE] not here")),
            Compute.STANDARD,
        ),
    ],
)
def test_compute_is_recognized(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], session: FakeSession, expected: Compute
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert find_compute(session) is expected  # type: ignore[arg-type]
