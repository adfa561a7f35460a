"""What is logged of the tracking store has no password."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest
from mlflow import MlflowClient

from dbx_dl.config import TrackingConfig
from dbx_dl.train.run_directory import RunDirectory
from dbx_dl.train.tracking import _reopen_run


def test_a_resumed_training_without_a_run_there_names_the_store_without_its_password(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tracking = TrackingConfig(uri="postgresql://u:SECRET@h/db")
    assert _reopen_run(cast(MlflowClient, None), tracking, RunDirectory(tmp_path)) is None
    assert "has no run in postgresql://***@h/db" in caplog.text
