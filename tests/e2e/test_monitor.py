"""A model that was trained and scored is watched: all is quiet, then the images change and a training is called for."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from dbx_dl.config import RunConfig
from dbx_dl.contracts import Monitored
from tests.e2e.conftest import CallCli, DemoRun, write_config

SHIFTED_CLASSES = ("1", "4", "7")


def brighten(source: Path, target: Path) -> None:
    """The images of some classes, brighter by a third of the scale, as from another camera."""
    for label in SHIFTED_CLASSES:
        (target / label).mkdir(parents=True)
        for file in sorted((source / label).glob("[0-9]*.png")):
            pixels = np.asarray(Image.open(file)).astype(np.int32)
            buffer = io.BytesIO()
            Image.fromarray(np.clip(pixels // 2 + 100, 0, 255).astype(np.uint8)).save(buffer, format="PNG")
            (target / label / file.name).write_bytes(buffer.getvalue())


def watch(config: RunConfig, folder: Path) -> Path:
    """The run, watched, with a table of findings and pages of its own."""
    monitor = config.monitor.model_copy(update={"table": str(folder / "findings")})
    changes = {"monitor": monitor, "directory": str(folder / "run")}
    return write_config(config.model_copy(update=changes), folder / "run.yml")


def test_new_images_are_quiet_until_the_camera_changes(demo: DemoRun, call_cli: CallCli, tmp_path: Path) -> None:
    path, source = watch(demo.digits, tmp_path), Path(demo.digits.score.source)
    quiet = call_cli("monitor", "--config", str(path), "--fail-on", "retrain", directory=tmp_path)
    assert quiet.returncode == 0, quiet.stdout + quiet.stderr[-3000:]
    assert "no training is called for" in quiet.stdout

    brighten(source, tmp_path / "camera")
    changes = {"score.source": tmp_path / "camera", "score.table": tmp_path / "scores"}
    camera = ("--config", str(path), *(part for key, value in changes.items() for part in ("--set", f"{key}={value}")))
    assert call_cli("score", *camera, directory=tmp_path).returncode == 0
    fired = call_cli("monitor", *camera, "--fail-on", "retrain", "--json", directory=tmp_path)
    assert fired.returncode == 3, fired.stdout + fired.stderr[-3000:]
    monitored = Monitored.model_validate_json(fired.stdout)
    assert monitored.should_retrain and "brightness" in " ".join(monitored.reasons)
    kept = Monitored.load(tmp_path / "run" / "monitored.json")
    assert kept == monitored and Path(kept.report or "").is_file()
