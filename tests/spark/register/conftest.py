"""One MLflow database for the tests of a file."""

from __future__ import annotations

import pytest

from dbx_dl.config import TrackingConfig


@pytest.fixture(scope="module")
def tracking(tmp_path_factory: pytest.TempPathFactory) -> TrackingConfig:
    folder = tmp_path_factory.mktemp("mlflow")
    return TrackingConfig(uri=f"sqlite:///{folder}/m.db", experiment="tests", artifacts=str(folder / "artifacts"))
