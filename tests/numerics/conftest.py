"""Runs each scenario once per framework, in child processes; the tests look at what it wrote."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.numerics.children import run_alone, run_as_ranks
from tests.numerics.weight_mapping import read_weights

NUM_RANKS = 2
SUFFIXES = {"keras": ".npz", "torch": ".safetensors"}


@dataclass(frozen=True)
class Numbers:
    """What one framework's scenarios wrote."""

    framework: str
    folder: Path
    terminal: str

    @property
    def alone(self) -> dict[str, Any]:
        """Results of the run with one rank."""
        return self._read("alone/alone.json")

    def rank(self, rank: int) -> dict[str, Any]:
        """Results of one rank of the run with two."""
        return self._read(f"ranks/{rank}/ranks.json")

    def weights(self, name: str) -> list[Any]:
        """The arrays of a weight file, in Keras' layout; `name` is its path without the suffix."""
        return read_weights(self.framework, self.folder / f"{name}{SUFFIXES[self.framework]}")

    def weight_bytes(self, name: str) -> list[bytes]:
        """The same as bytes, for comparisons bit for bit."""
        return [array.tobytes() for array in self.weights(name)]

    def _read(self, path: str) -> dict[str, Any]:
        return dict(json.loads((self.folder / path).read_text()))


def run_scenarios(framework: str, folder: Path) -> Numbers:
    """Run the framework's scenarios, one after the other, since they share two cores."""
    for part in ("alone", "ranks"):
        (folder / part).mkdir()
    terminal = run_alone("alone", framework, folder / "alone")
    run_as_ranks("ranks", framework, folder / "ranks", NUM_RANKS)
    return Numbers(framework, folder, terminal)


@pytest.fixture(scope="session")
def keras_numbers(tmp_path_factory: pytest.TempPathFactory) -> Numbers:
    """Keras' results."""
    return run_scenarios("keras", tmp_path_factory.mktemp("keras"))


@pytest.fixture(scope="session")
def torch_numbers(tmp_path_factory: pytest.TempPathFactory) -> Numbers:
    """PyTorch's results."""
    return run_scenarios("torch", tmp_path_factory.mktemp("torch"))


@pytest.fixture(params=["keras", "torch"])
def numbers(request: pytest.FixtureRequest) -> Numbers:
    """Each framework's results in turn."""
    return request.getfixturevalue(f"{request.param}_numbers")  # type: ignore[no-any-return]
