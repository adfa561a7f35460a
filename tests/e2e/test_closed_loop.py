"""The loop after scoring, closed: the camera changes, monitoring calls for a training, people label what is queued."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml
from deltalake import DeltaTable
from PIL import Image

from dbx_dl.contracts import Promotion
from dbx_dl.demo import write_demo_data
from tests.e2e.conftest import CallCli
from tests.mlflow_databases import put_database

DIGITS = [str(digit) for digit in range(10)]
# Of six images of a class, by turns, since neighbours are of one writer: people label the first two and, later, of the
# fourth and fifth those that are queued.
DAY, FRESH_DAY, NIGHT, FRESH_NIGHT = (0, 1), (2,), (3, 4), (5,)
BUDGET = 560


def take_images(digits: Path, target: Path, turns: tuple[int, ...], change: Callable[[np.ndarray], np.ndarray]) -> Path:
    """Some of each class's images, changed, under their own names."""
    for label in DIGITS:
        (target / label).mkdir(parents=True)
        for place, file in enumerate(sorted((digits / label).glob("[0-9]*.png"))):
            if place % 6 not in turns:
                continue
            buffer = io.BytesIO()
            Image.fromarray(change(np.asarray(Image.open(file)))).save(buffer, format="PNG")
            (target / label / file.name).write_bytes(buffer.getvalue())
    return target


def by_day(pixels: np.ndarray) -> np.ndarray:
    return pixels


def by_night(pixels: np.ndarray) -> np.ndarray:
    """A negative with little contrast, as from an infrared camera."""
    return (200 - pixels // 3).astype(np.uint8)


def write_labels(path: Path, keys: list[str]) -> Path:
    """What a person says of images: the folder that they were found in."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["item_key", "label"])
        writer.writerows([key, key.split("/")[0]] for key in keys)
    return path


def list_keys(folder: Path) -> list[str]:
    return sorted(str(file.relative_to(folder)) for file in folder.glob("*/*.png"))


def write_run(place: Path, folders: dict[str, Path]) -> Path:
    run = {
        "name": "loop",
        "directory": str(place / "run"),
        "frameworks": ["torch"],
        "tracking": {"uri": f"sqlite:///{place}/mlflow.db", "artifacts": str(place / "artifacts")},
        "label": {
            "table": str(place / "labels"),
            "task": "classes",
            "classes": DIGITS,
            "queue": {"table": str(place / "queue"), "budget": BUDGET},
            "resolve": {"table": str(place / "resolved")},
        },
        "prepare": {
            "kind": "images",
            "source": {"format": "folders", "path": str(folders["day"]), "label": "none"},
            "labels": {"table": str(place / "resolved")},
            "table": str(place / "prepared_day"),
            "height": 8,
            "width": 8,
            "channels": 1,
        },
        "train": {"network": "convnet", "batch_size": 16, "num_epochs": 12, "optimizer": {"learning_rate": 0.003}},
        "registry": {"name": "loop", "metric": "accuracy"},
        "score": {
            "source": str(folders["fresh_day"]),
            "source_format": "images",
            "model": "models:/loop@champion",
            "table": str(place / "scores_day"),
        },
    }
    path = place / "loop.yml"
    path.write_text(yaml.safe_dump(run, sort_keys=False), encoding="utf-8")
    return path


@pytest.mark.matrix
@pytest.mark.timeout(1800)
def test_a_drift_is_labelled_trained_on_and_over(tmp_path: Path, call_cli_again: CallCli) -> None:
    put_database(tmp_path / "mlflow.db")
    digits = write_demo_data(tmp_path / "data") / "digits"
    kinds = {
        "day": (DAY, by_day),
        "fresh_day": (FRESH_DAY, by_day),
        "night": (NIGHT, by_night),
        "fresh_night": (FRESH_NIGHT, by_night),
    }
    folders = {name: take_images(digits, tmp_path / name, *kind) for name, kind in kinds.items()}
    path = str(write_run(tmp_path, folders))

    def call(*command: str, code: int = 0, **settings: Path) -> str:
        changes = [part for key, value in settings.items() for part in ("--set", f"{key.replace('__', '.')}={value}")]
        done = call_cli_again(*command, *changes, directory=tmp_path)
        assert done.returncode == code, done.stdout[-2000:] + done.stderr[-4000:]
        return done.stdout

    # Labelled, trained, scored: new images of the same camera are quiet.
    first = write_labels(tmp_path / "first.csv", list_keys(folders["day"]))
    call("label", "import", str(first), "--config", path, "--annotator", "ann")
    call("run", path)
    assert Promotion.load(tmp_path / "run" / "promotion.json").champion_version == 1
    watch = ("monitor", "--config", path, "--fail-on", "retrain")
    call(*watch)

    # Another camera: a training is called for.
    night = {"score__source": folders["night"], "score__table": tmp_path / "scores_night"}
    call("score", "--config", path, **night)
    fired = json.loads(call(*watch, "--json", code=3, **night))
    assert fired["should_retrain"] and any("brightness" in reason for reason in fired["reasons"])

    # People label what is queued of its images, and the next model learns from these.
    call("label", "queue", "--config", path, **night)
    queued = [row["item_key"] for row in DeltaTable(str(tmp_path / "queue")).to_pyarrow_table().to_pylist()]
    assert len(queued) == len(set(queued)) == BUDGET and set(queued) <= set(list_keys(folders["night"]))
    call("label", "import", str(write_labels(tmp_path / "then.csv", queued)), "--config", path, "--annotator", "ann")
    anew = {
        "prepare__source__path": folders["night"],
        "prepare__table": tmp_path / "prepared_night",
        "score__source": folders["fresh_night"],
        "score__table": tmp_path / "scores_fresh_night",
    }
    call("run", path, **anew)
    assert Promotion.load(tmp_path / "run" / "promotion.json").champion_version == 2

    # What that camera takes now is as it was trained on.
    call(*watch, **anew)
