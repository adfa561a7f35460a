"""The demo's input is real, broken where it says so, the same every time."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits

from dbx_dl.demo import NUM_UNLABELED_ROWS, SIZE_CLASSES, breast_cancer_run, digits_run, write_demo_data


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's data folder."""
    return write_demo_data(tmp_path_factory.mktemp("demo"))


def _rows(data: Path) -> list[dict[str, str]]:
    with (data / "breast_cancer.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_digits_are_the_real_ones(data: Path) -> None:
    digits = load_digits()
    files = {path.name: path for path in data.glob("digits/*/[0-9]*.png")}
    assert len(files) == len(digits.images) == 1797
    for number in (0, 42, 1796):
        path = files[f"{number:04d}.png"]
        assert path.parent.name == str(digits.target[number])
        assert np.array_equal(np.rint(np.asarray(Image.open(path)) / (255 / 16)), digits.images[number])


def test_four_files_are_broken_each_in_its_way(data: Path) -> None:
    broken = {path.name: path for path in data.glob("digits/*/[a-z]*.png")}
    assert set(broken) == {"truncated.png", "text.png", "empty.png", "one_pixel.png"}
    assert broken["empty.png"].stat().st_size == 0
    assert Image.open(broken["one_pixel.png"]).size == (1, 1)
    with pytest.raises(OSError):
        Image.open(broken["truncated.png"]).load()
    with pytest.raises(OSError):
        Image.open(broken["text.png"])


def test_cases_are_the_real_ones_with_gaps(data: Path) -> None:
    real, rows = load_breast_cancer(), _rows(data)
    assert len(rows) == len(real.data) == 569
    assert [float(row["mean_radius"]) for row in rows] == real.data[:, 0].tolist()
    assert len({row["id"] for row in rows}) == 569
    tokens = [row["mean_texture"] for row in rows if row["mean_texture"] in ("", "?")]
    assert set(tokens) == {"", "?"} and len(tokens) == 17
    assert sum(row["diagnosis"] == "" for row in rows) == NUM_UNLABELED_ROWS
    assert {row["diagnosis"] for row in rows} == {"", "benign", "malignant"}


def test_patients_are_the_real_ones(data: Path) -> None:
    real = load_diabetes(scaled=False)
    with (data / "diabetes.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["bmi"]) for row in rows] == real.data[:, 2].tolist()
    assert [float(row["progression"]) for row in rows] == real.target.tolist()
    assert len({row["patient"] for row in rows}) == 442


def test_size_classes_follow_the_radius(data: Path) -> None:
    known = [
        (float(row["mean_radius"]), SIZE_CLASSES.index(row["size_class"]))
        for row in _rows(data)
        if row["size_class"] not in ("", "?")
    ]
    ordered = [size for _, size in sorted(known)]
    assert ordered == sorted(ordered)
    assert set(ordered) == {0, 1, 2, 3}


def test_data_is_the_same_every_time(data: Path, tmp_path: Path) -> None:
    again = write_demo_data(tmp_path)
    names = sorted(str(path.relative_to(data)) for path in data.rglob("*") if path.is_file())
    assert names == sorted(str(path.relative_to(again)) for path in again.rglob("*") if path.is_file())
    assert all((data / name).read_bytes() == (again / name).read_bytes() for name in names)


def test_quick_runs_differ_in_training_and_threshold_only(tmp_path: Path) -> None:
    for make_run in (digits_run, breast_cancer_run):
        whole, quick = make_run(tmp_path), make_run(tmp_path, quick=True)
        assert quick.train.num_epochs < whole.train.num_epochs
        train = quick.train.model_copy(update={"num_epochs": whole.train.num_epochs})
        registry = quick.registry.model_copy(update={"threshold": whole.registry.threshold})
        assert quick.model_copy(update={"train": train, "registry": registry}) == whole
