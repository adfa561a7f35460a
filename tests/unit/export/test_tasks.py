"""Models of tasks that the ONNX file cannot express yet are refused before anything is touched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dbx_dl.config import ExportConfig
from dbx_dl.contracts import Target
from dbx_dl.errors import ExportError
from dbx_dl.export.onnx_model import export_onnx
from tests.unit.monitor.finished_run import finished_run

NO_SPARK: Any = None


@pytest.mark.parametrize("task", ["regression", "count", "multilabel"])
def test_only_classes_can_be_exported(task: Any, tmp_path: Path) -> None:
    trained = finished_run().registered[0].onnx.trained
    prepared = trained.prepared.model_copy(update={"target": Target(task=task, column="label")})
    earlier = tmp_path / "model.onnx"
    earlier.write_text("an earlier export")
    with pytest.raises(ExportError, match=f"a model of the task {task} cannot be exported yet"):
        export_onnx(
            NO_SPARK,
            trained.model_copy(update={"prepared": prepared}),
            ExportConfig(),
            directory=str(tmp_path),
        )
    assert earlier.exists()
