"""The runs on MNIST, with digits of scikit-learn in IDX files of MNIST's form, and with MNIST itself where it is."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from shutil import copytree
from typing import Any

import numpy as np
import onnxruntime
import pytest
import yaml
from PIL import Image

from dbx_dl.contracts import OnnxModel, ScoredTable
from tests.e2e.conftest import SCRIPT, CallCli, run_python
from tests.e2e.results import keep_result, share_of_largest_class
from tests.image_files import encode_idx

RUNS = Path(__file__).parents[2] / "conf" / "runs"
NUM_TRAIN = 1500
NUM_IMAGES = 1797
NUM_EPOCHS = 20
FULL_MNIST = os.environ.get("DBX_DL_MNIST")


@pytest.mark.matrix
@pytest.mark.parametrize("run", ["mnist_keras", "mnist_tensorflow_mlp", "mnist_tensorflow_cnn", "mnist_torch"])
def test_a_run_on_idx_files_reaches_97_percent(tmp_path: Path, call_cli: CallCli, run: str) -> None:
    images = write_idx_files(tmp_path / "mnist")
    values = shorten_run(yaml.safe_load((RUNS / f"{run}.yml").read_text()))
    (tmp_path / "run.yml").write_text(yaml.safe_dump(values))
    printed = call_cli("run", "run.yml", directory=tmp_path)
    assert printed.returncode == 0, printed.stderr[-3000:]
    (framework,) = values["frameworks"]
    model = OnnxModel.load(tmp_path / values["directory"] / framework / "onnx.json")
    assert model.metrics["accuracy"] >= 0.97
    assert {1, 32} <= model.latency_ms.keys()
    keep_result(model, "digits 28x28", share_of_largest_class(model))
    scored = ScoredTable.load(tmp_path / values["directory"] / "scored.json")
    assert (scored.num_rows, scored.num_errors) == (NUM_IMAGES, 0)
    predict_one_and_many(Path(model.file.path), images)


@pytest.mark.matrix
@pytest.mark.timeout(7200)
@pytest.mark.skipif(FULL_MNIST is None, reason="not run on the full MNIST: DBX_DL_MNIST names no folder with its files")
def test_the_keras_run_reaches_99_percent_on_the_full_mnist(tmp_path: Path) -> None:
    copytree(FULL_MNIST or "", tmp_path / "mnist")
    printed = run_python(str(SCRIPT), "run", str(RUNS / "mnist_keras.yml"), directory=tmp_path, timeout_seconds=7000)
    assert printed.returncode == 0, printed.stderr[-3000:]
    place = tmp_path / "dbx_dl_mnist" / "runs" / "keras"
    model = OnnxModel.load(place / "keras" / "onnx.json")
    assert model.trained.prepared.split_rows["test"] == 10_000
    assert model.metrics["accuracy"] >= 0.99
    keep_result(model, "MNIST", share_of_largest_class(model))
    scored = ScoredTable.load(place / "scored.json")
    assert (scored.num_rows, scored.num_errors) == (70_000, 0)


def shorten_run(values: dict[str, Any]) -> dict[str, Any]:
    """The run for some hundred digits of scikit-learn, on which 0.97 is what can be asked for."""
    train = values["train"] | {"num_epochs": NUM_EPOCHS, "batch_size": 16}
    if train["network"] == "mlp":
        # A dense network learns of so few images that digits may lie and lean elsewhere only where it is shown.
        train["feed"] = {"augment": {"shift": 0.08, "rotate": 10}}
    return values | {"train": train, "registry": values["registry"] | {"threshold": 0.97}}


def predict_one_and_many(file: Path, images: np.ndarray) -> None:
    """One image alone gets what it gets in a batch, and the batch dimension is free."""
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    (pixels,) = session.get_inputs()
    rows = images[NUM_TRAIN : NUM_TRAIN + 200, :, :, None]
    (many,) = session.run(["probabilities"], {pixels.name: rows})
    (one,) = session.run(["probabilities"], {pixels.name: rows[:1]})
    np.testing.assert_allclose(one[0], many[0], atol=1e-5)
    np.testing.assert_allclose(many.sum(axis=1), 1, atol=1e-5)


def write_idx_files(folder: Path) -> np.ndarray:
    """Four files, two of them zipped under the same names that the runs have; returns all images uint8 (N, 28, 28)."""
    from sklearn.datasets import load_digits

    digits: Any = load_digits()
    order = np.random.default_rng(0).permutation(NUM_IMAGES)
    images = np.stack([enlarge(image) for image in digits.images[order]])
    labels = digits.target[order].astype(np.uint8)
    folder.mkdir()
    for name, rows in (("train", slice(NUM_TRAIN)), ("t10k", slice(NUM_TRAIN, None))):
        for kind, dimensions, array in (("images", 3, images), ("labels", 1, labels)):
            data = encode_idx(array[rows])
            packed = gzip.compress(data) if kind == "labels" else data
            (folder / f"{name}-{kind}-idx{dimensions}-ubyte").write_bytes(packed)
    return images


def enlarge(image: np.ndarray) -> np.ndarray:
    """8x8 grey levels of 0 to 16 as 28x28 uint8."""
    picture = Image.fromarray((image * 255 / 16).astype(np.uint8))
    return np.asarray(picture.resize((28, 28), Image.Resampling.BILINEAR))
