"""What the end-to-end tests share: the command line as a user calls it, and one quick demo."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from dbx_dl.config import RunConfig, TrainConfig
from dbx_dl.demo import breast_cancer_run, digits_run, write_demo_data

ROOT = Path(__file__).parents[2]
SCRIPT = Path(sys.executable).with_name("dbx-dl")

# These processes live for seconds on few cores: compiling hot code twice does not pay there.
QUICK_JVM = {"JDK_JAVA_OPTIONS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"}

CallCli = Callable[..., "subprocess.CompletedProcess[str]"]


@dataclass(frozen=True)
class DemoRun:
    """A finished `dbx-dl demo --quick`: its folder, its configs, and what it printed."""

    directory: Path
    digits: RunConfig
    breast_cancer: RunConfig
    printed: subprocess.CompletedProcess[str]


def run_python(*arguments: str, directory: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a fresh Python in `directory`; what it printed comes back as text."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=directory,
        env={**QUICK_JVM, **os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=1500,
    )


def make_small_run(place: Path, framework: str, num_files_per_class: int) -> RunConfig:
    """The digits run on a few whole images per class and the demo's broken files, one framework, one rank."""
    write_demo_data(place)
    for folder in (place / "data" / "digits").iterdir():
        for file in sorted(folder.glob("[0-9]*.png"))[num_files_per_class:]:
            file.unlink()
    config = digits_run(place)
    changes = {
        "frameworks": (framework,),
        "train": TrainConfig(network="convnet", num_ranks=1, num_epochs=2),
        "registry": config.registry.model_copy(update={"threshold": None}),
    }
    return config.model_copy(update=changes)


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
def demo(tmp_path_factory: pytest.TempPathFactory, call_cli: CallCli) -> DemoRun:
    """One quick demo for all tests."""
    place = tmp_path_factory.mktemp("demo")
    directory = place / "made"
    printed = call_cli("demo", "--quick", "--dir", str(directory), directory=place)
    assert printed.returncode == 0, printed.stderr[-4000:]
    return DemoRun(directory, digits_run(directory, quick=True), breast_cancer_run(directory, quick=True), printed)
