"""What the end-to-end tests share: the command line as a user calls it, and one quick demo."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
import yaml

from dbx_dl.config import RunConfig, TrainConfig
from dbx_dl.demo import breast_cancer_run, digits_run, write_demo_data
from tests.mlflow_databases import put_database

ROOT = Path(__file__).parents[2]
SCRIPT = Path(sys.executable).with_name("dbx-dl")

CallCli = Callable[..., "subprocess.CompletedProcess[str]"]
CallProgram = Callable[..., "subprocess.CompletedProcess[str]"]


@dataclass(frozen=True)
class DemoRun:
    """A finished `dbx-dl demo --quick`: its folder, its configs, and what it printed."""

    directory: Path
    digits: RunConfig
    breast_cancer: RunConfig
    printed: subprocess.CompletedProcess[str]


def run_python(
    *arguments: str, directory: Path, timeout_seconds: float = 1500, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a fresh Python in `directory`; what it printed comes back as text."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=directory,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=timeout_seconds,
    )


def make_small_run(place: Path, framework: str, num_files_per_class: int) -> RunConfig:
    """The digits run on a few whole images per class and the demo's broken files, one framework, one rank."""
    keep_few_images(write_demo_data(place) / "digits", num_files_per_class)
    put_database(place / "mlflow.db")
    config = digits_run(place)
    changes = {
        "frameworks": (framework,),
        "train": TrainConfig(network="convnet", num_ranks=1, num_epochs=2),
        "registry": config.registry.model_copy(update={"threshold": None}),
    }
    return config.model_copy(update=changes)


def keep_few_images(digits: Path, num_files_per_class: int) -> None:
    """Leave so many whole images of each class, and the broken files."""
    for folder in digits.iterdir():
        for file in sorted(folder.glob("[0-9]*.png"))[num_files_per_class:]:
            file.unlink()


def write_config(config: RunConfig, path: Path) -> Path:
    """Write a run config as the YAML that a user would write."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def call_cli() -> CallCli:
    """Call `dbx-dl` with arguments in a folder, as a user does."""

    def call(*arguments: str, directory: Path) -> subprocess.CompletedProcess[str]:
        return run_python(str(SCRIPT), *arguments, directory=directory)

    return call


@pytest.fixture(scope="session")
def call_cli_again(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CallCli]:
    """Call `dbx-dl` with arguments in a folder, all calls in one process and one Spark session."""
    with start_process(tmp_path_factory.mktemp("commands")) as call:
        yield partial(call, "dbx-dl")


@contextmanager
def start_process(folder: Path) -> Iterator[CallProgram]:
    """One process for several calls of programs, see `command_process`; `folder` is for what it says on stderr."""
    said, pipes = folder / "stderr.txt", {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    command = [sys.executable, "-m", "tests.e2e.command_process"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    with (
        said.open("ab") as stderr,
        subprocess.Popen(command, cwd=folder, env=environment, **pipes, stderr=stderr, text=True) as process,
    ):
        assert process.stdin is not None and process.stdout is not None

        def call(program: str, *arguments: str, directory: Path) -> subprocess.CompletedProcess[str]:
            before = said.stat().st_size
            print(json.dumps([str(directory), program, arguments]), file=process.stdin, flush=True)
            answer = process.stdout.readline()
            errors = said.read_bytes()[before:].decode()
            assert answer, errors[-4000:]
            code, printed = json.loads(answer)
            return subprocess.CompletedProcess([program, *arguments], code, printed, errors)

        yield call


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory, call_cli: CallCli) -> DemoRun:
    """One quick demo for all tests."""
    place = tmp_path_factory.mktemp("demo")
    directory = place / "made"
    printed = call_cli("demo", "--quick", "--dir", str(directory), directory=place)
    assert printed.returncode == 0, printed.stderr[-4000:]
    return DemoRun(directory, digits_run(directory, quick=True), breast_cancer_run(directory, quick=True), printed)
