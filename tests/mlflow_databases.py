"""MLflow databases for tests, copied from an empty one: MLflow takes seconds to make one, migration by migration."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from dbx_dl.config import TrackingConfig
from dbx_dl.runtime.tracking import open_client


def open_tracking(folder: Path, experiment: str = "tests") -> TrackingConfig:
    """An empty store in `folder`, which is made if need be: `mlflow.db`, and `artifacts` for files."""
    file = folder / "mlflow.db"
    put_database(file)
    return TrackingConfig(uri=f"sqlite:///{file}", experiment=experiment, artifacts=str(folder / "artifacts"))


def put_database(file: Path) -> None:
    """An empty database at this path, where none is yet."""
    file.parent.mkdir(parents=True, exist_ok=True)
    if not file.exists():
        file.write_bytes(_make_database())


@cache
def _make_database() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "mlflow.db"
        open_client(f"sqlite:///{file}")
        return file.read_bytes()
