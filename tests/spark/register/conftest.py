"""One MLflow database for the tests of a file."""

from __future__ import annotations

import pytest

from dbx_dl.config import TrackingConfig
from tests.mlflow_databases import open_tracking


@pytest.fixture(scope="module")
def tracking(tmp_path_factory: pytest.TempPathFactory) -> TrackingConfig:
    return open_tracking(tmp_path_factory.mktemp("mlflow"))
