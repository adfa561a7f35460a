"""Bad input through the command line: exit code 1, one or two lines, no traceback, nothing half-written."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from dbx_dl.demo import breast_cancer_run, digits_run, write_demo_data
from tests.e2e.conftest import CallCli, DemoRun, keep_few_images

pytestmark = pytest.mark.timeout(1800)  # the first test waits for the demo

NUM_FILES_PER_CLASS = 8


class Place:
    """A folder with a few of the demo's images and its table, in which a changed run config is tried."""

    def __init__(self, directory: Path, data: Path, call: CallCli) -> None:
        self.directory = directory
        self.call = call
        shutil.copytree(data, directory / "data")

    def refuse(self, command: str, values: dict[str, Any]) -> str:
        """Run the command on the config, and return what it said when it refused as it should."""
        path = self.directory / "run.yml"
        path.write_text(yaml.safe_dump(values), encoding="utf-8")
        arguments = [str(path)] if command == "run" else ["--config", str(path)]
        before = self.written()
        result = self.call(command, *arguments, directory=self.directory)
        assert result.returncode == 1, result.stderr[-2000:]
        lines = result.stderr.splitlines()
        said = lines[next(i for i, line in enumerate(lines) if line.startswith("error: ")) :]
        assert len(said) <= 2, result.stderr
        assert "Traceback" not in result.stderr and "\tat " not in result.stderr
        assert self.written() == before
        return "\n".join(said)

    def written(self) -> set[str]:
        """Tables, contracts, weights, models and pages that exist."""
        contracts = {f"{name}.json" for name in ("prepared", "trained", "onnx", "registered", "promotion", "scored")}
        results = (".onnx", ".npz", ".safetensors", ".html")
        found = self.directory.rglob("*")
        return {str(p) for p in found if p.name in contracts | {"_delta_log"} or p.suffix in results}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's input data, less what no test here needs."""
    data = write_demo_data(tmp_path_factory.mktemp("data"))
    for path in data.iterdir():
        if path.is_dir() and path.name != "digits":
            shutil.rmtree(path)
    keep_few_images(data / "digits", NUM_FILES_PER_CLASS)
    return data


@pytest.fixture()
def place(tmp_path: Path, data: Path, call_cli_again: CallCli) -> Place:
    """A fresh place."""
    return Place(tmp_path, data, call_cli_again)


def _digits(place: Place) -> dict[str, Any]:
    values: dict[str, Any] = digits_run(place.directory, quick=True).model_dump(mode="json")
    return values


def _cases(place: Place) -> dict[str, Any]:
    values: dict[str, Any] = breast_cancer_run(place.directory, quick=True).model_dump(mode="json")
    return values


def test_an_unknown_key_names_the_nearest(place: Place, call_cli: CallCli) -> None:
    place.call = call_cli  # a process of its own, as a user's
    values = _digits(place)
    values["train"]["num_epoch"] = 3
    assert "unknown key 'train.num_epoch'; did you mean 'num_epochs'?" in place.refuse("run", values)


def test_a_missing_folder(place: Place) -> None:
    values = _digits(place)
    values["prepare"]["source"] = str(place.directory / "nowhere")
    assert str(place.directory / "nowhere") in place.refuse("run", values)


def test_a_missing_file(place: Place) -> None:
    values = _cases(place)
    values["prepare"]["source"] = str(place.directory / "nowhere.csv")
    assert "nowhere.csv" in place.refuse("prepare", values)


def test_a_missing_label_column_names_the_nearest(place: Place) -> None:
    values = _cases(place)
    values["prepare"]["label"] = "diagnose"
    said = place.refuse("run", values)
    assert "'diagnose'" in said and "'diagnosis'" in said


def test_more_ranks_than_slots_is_said_before_any_work(place: Place) -> None:
    values = _digits(place)
    values["train"]["num_ranks"] = 3
    said = place.refuse("run", values)
    assert "num_ranks is 3" in said and "set train.num_ranks to 2" in said


def test_one_class_only(place: Place) -> None:
    for folder in (place.directory / "data" / "digits").iterdir():
        if folder.name != "4":
            shutil.rmtree(folder)
    said = place.refuse("run", _digits(place))
    assert "'4'" in said


def test_no_usable_image(place: Place) -> None:
    for path in (place.directory / "data" / "digits").rglob("[0-9]*.png"):
        path.write_bytes(b"no image")
    said = place.refuse("run", _digits(place))
    assert "image" in said


def test_a_stage_without_its_predecessor_says_which(place: Place) -> None:
    said = place.refuse("train", _digits(place))
    assert said.endswith("prepared.json does not exist: run the stage that writes it first, prepare")


def test_an_unknown_network_names_the_valid_ones(place: Place, demo: DemoRun) -> None:
    values = _digits(place)
    values["train"]["network"] = "convnets"
    contract = place.directory / "runs" / "digits" / "prepared.json"
    contract.parent.mkdir(parents=True)
    shutil.copy(Path(demo.digits.directory) / "prepared.json", contract)
    said = place.refuse("train", values)
    assert "'convnets'" in said and "'convnet'" in said


def test_an_absent_alias(place: Place, demo: DemoRun) -> None:
    values = _digits(place)
    values["tracking"] = demo.digits.tracking.model_dump()
    values["score"]["model"] = "models:/digits@nobody"
    assert "nobody" in place.refuse("score", values)


def test_a_column_that_is_missing_at_scoring(place: Place, demo: DemoRun) -> None:
    values = _cases(place)
    values["tracking"] = demo.breast_cancer.tracking.model_dump()
    source = place.directory / "data" / "breast_cancer.csv"
    source.write_text(source.read_text().replace("mean_texture", "mean_textur", 1))
    said = place.refuse("score", values)
    assert "'mean_texture'" in said
