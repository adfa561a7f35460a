"""What can be trained is listed for people and for scripts, and the activation functions are drawn."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from dbx_dl.cli import app
from dbx_dl.frameworks.activations import ACTIVATIONS
from dbx_dl.frameworks.architectures import ARCHITECTURES

RUNNER = CliRunner()


@pytest.fixture(autouse=True)
def wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "250")


def test_networks_are_listed_with_what_they_take() -> None:
    shown = RUNNER.invoke(app, ["networks"]).stdout
    assert all(name in shown for name in ARCHITECTURES)
    assert "num_blocks=1, filters=16" in shown and "images, table" in shown
    listed = {entry["name"]: entry for entry in json.loads(RUNNER.invoke(app, ["networks", "--json"]).stdout)}
    assert list(listed) == list(ARCHITECTURES)
    assert listed["gan"]["tasks"] == ["generation"] and "quantiles" in listed["convnet"]["tasks"]
    assert listed["convnet"]["options"] == {"dropout": 0.25, "activation": "relu"}
    assert (listed["linear_svm"]["loss"], listed["mlp"]["loss"]) == ("hinge", "cross_entropy")


def test_tasks_are_listed_with_losses_and_metrics() -> None:
    shown = RUNNER.invoke(app, ["tasks"]).stdout
    assert "poisson_deviance" in shown and "squared_hinge" in shown
    listed = {entry["name"]: entry for entry in json.loads(RUNNER.invoke(app, ["tasks", "--json"]).stdout)}
    assert listed["regression"]["losses"] == ["squared_error", "huber", "mae"]
    assert listed["multiclass"]["metrics"][0] == "accuracy"


def test_activations_are_listed_and_drawn(tmp_path: Path) -> None:
    result = RUNNER.invoke(app, ["activations", "--picture", str(tmp_path / "all.png")])
    assert result.exit_code == 0
    assert all(name in result.stdout for name in ACTIVATIONS)
    with Image.open(tmp_path / "all.png") as picture:
        assert picture.width > picture.height > 300
        assert len(picture.convert("RGB").getcolors(1 << 24) or ()) > 3
