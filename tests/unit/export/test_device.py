"""Where the framework computes what an exported file is compared with, and with which of the driver's credentials."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dbx_dl.config import ExportConfig
from dbx_dl.export import onnx_model
from dbx_dl.feed.storage import UNITY_TABLE
from tests.fake_unity_catalog import SECRET, FakeUnityCatalog
from tests.onnx_models import describe_trained
from tests.prepared_tables import write_feature_table


def test_a_network_is_compared_with_its_file_on_the_cpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def call(target: str, arguments: dict[str, Any], *, environment: dict[str, str]) -> None:
        raise InterruptedError(environment["CUDA_VISIBLE_DEVICES"])

    monkeypatch.setattr(onnx_model, "call_in_process", call)
    trained = describe_trained(write_feature_table(tmp_path / "table", {"train": 4}), tmp_path)
    with pytest.raises(InterruptedError, match=r"^$"):
        onnx_model._run_framework(trained, ExportConfig(), tmp_path)


def test_the_process_opens_a_catalogs_table_with_what_the_driver_borrowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def call(target: str, arguments: dict[str, Any], *, environment: dict[str, str]) -> None:
        assert SECRET not in str(arguments)
        raise InterruptedError(environment["DBX_DL_LENT"])

    monkeypatch.setattr("databricks.sdk.WorkspaceClient", FakeUnityCatalog)
    monkeypatch.setattr(onnx_model, "call_in_process", call)
    table = write_feature_table(tmp_path / "table", {"train": 4})
    borrowed = table.model_copy(update={"storage_options": {UNITY_TABLE: "main.vision.digits"}})
    with pytest.raises(InterruptedError, match=SECRET):
        onnx_model._run_framework(describe_trained(borrowed, tmp_path), ExportConfig(), tmp_path)
