"""A run's verdict stands where a look that was made again has nothing left to look at."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dbx_dl import watching
from dbx_dl.config import RunConfig
from dbx_dl.contracts import Finding, Monitored, TableVersion, Window

VALUES = {
    "name": "shop",
    "prepare": {"kind": "images", "source": "in", "table": "t", "height": 8, "width": 8, "channels": 1},
    "train": {"network": "convnet", "num_epochs": 1, "batch_size": 8},
    "registry": {"name": "m", "metric": "accuracy", "threshold": 0.5},
    "score": {"source": "in", "source_format": "images", "model": "models:/m@champion", "table": "scores"},
}


def found(version: int, windows: tuple[Window, ...], *, should_retrain: bool) -> Monitored:
    finding = Finding(window="v3", area="drift", metric="psi", value=0.5, num_rows=100, status="alert")
    return Monitored(
        source=TableVersion(name="scores", path="/scores", version=version),
        windows=windows,
        findings=(finding,) if windows else (),
        should_retrain=should_retrain,
    )


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The task values of a job."""
    values: dict[str, Any] = {}
    monkeypatch.setattr(watching, "set_task_value", values.__setitem__)
    return values


def look(directory: Path, monkeypatch: pytest.MonkeyPatch, monitored: Monitored) -> Monitored:
    config = RunConfig.model_validate({**VALUES, "directory": str(directory)})
    monkeypatch.setattr(watching, "monitor_scores", lambda *_, **__: monitored)
    return watching.monitor_run(None, config)


def test_a_task_that_is_made_again_leaves_the_same_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: dict[str, Any]
) -> None:
    first = look(tmp_path, monkeypatch, found(3, (Window(name="v3", last_version=3),), should_retrain=True))
    again = look(tmp_path, monkeypatch, found(3, (), should_retrain=False))
    assert again == first and told[watching.SHOULD_RETRAIN] == "true"
    assert json.loads((tmp_path / "monitored.json").read_text())["should_retrain"] is True
    # What was found of another version says nothing of this one.
    later = look(tmp_path, monkeypatch, found(4, (), should_retrain=False))
    assert later.windows == () and told[watching.SHOULD_RETRAIN] == "false"


def test_a_file_that_cannot_be_read_is_no_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: dict[str, Any]
) -> None:
    (tmp_path / "monitored.json").write_text("{")
    assert look(tmp_path, monkeypatch, found(3, (), should_retrain=False)).windows == ()
    assert told[watching.SHOULD_RETRAIN] == "false"
