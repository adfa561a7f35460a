"""Databricks is recognized by its runtime's variable."""

import pytest

from dbx_dl.runtime.databricks import is_databricks


def test_databricks_is_recognized(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABRICKS_RUNTIME_VERSION", raising=False)
    assert not is_databricks()
    monkeypatch.setenv("DATABRICKS_RUNTIME_VERSION", "17.3")
    assert is_databricks()
