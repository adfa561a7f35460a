"""Every network learns every task that it says it learns, in both frameworks and on two ranks, which stay alike."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dbx_dl.frameworks.architectures import ARCHITECTURES
from tests.numerics.children import run_as_ranks
from tests.numerics.conftest import Numbers
from tests.numerics.learned_rows import Case
from tests.numerics.learning import NUM_STEPS, QUICK, list_cases

# So many cases go into one launch of two ranks.
NUM_TOGETHER = 24
CASES = [case.name for case in list_cases()]
PARTS = [CASES[start : start + NUM_TOGETHER] for start in range(0, len(CASES), NUM_TOGETHER)]


def test_every_network_and_each_of_its_tasks_is_a_case() -> None:
    found = {(case.network, case.task) for case in list_cases()}
    expected = {(name, task) for name, entry in ARCHITECTURES.items() for task in entry.tasks if not entry.is_counted}
    assert found == expected
    assert {(case.network, case.kind) for case in list_cases()} == {
        (name, kind) for name, entry in ARCHITECTURES.items() for kind in entry.inputs if not entry.is_counted
    }


@pytest.mark.parametrize("case", QUICK, ids=lambda case: case.name)
def test_rows_and_answers_of_all_kinds_are_learned(numbers: Numbers, case: Case) -> None:
    first, second = (numbers.rank(rank)["learning"][case.name] for rank in (0, 1))
    assert is_alike(first, second)
    assert is_falling(first["losses"], case.name)


@pytest.mark.matrix
@pytest.mark.parametrize("framework", ["keras", "torch"])
@pytest.mark.parametrize("part", range(len(PARTS)))
def test_losses_fall_and_ranks_stay_alike(tmp_path: Path, framework: str, part: int) -> None:
    (tmp_path / "wanted.json").write_text(json.dumps(PARTS[part]))
    run_as_ranks("learning", framework, tmp_path, 2)
    first, second = (json.loads((tmp_path / f"{rank}.json").read_text()) for rank in (0, 1))
    assert list(first) == list(second) == PARTS[part]
    assert [name for name in first if not is_alike(first[name], second[name])] == []
    assert [name for name in first if not is_falling(first[name]["losses"], name)] == []


def is_alike(first: dict[str, Any], second: dict[str, Any]) -> bool:
    """Whether both ranks saw the same losses and their networks give the same numbers."""
    return first == second and bool(np.isfinite(first["outputs"]).all())


def is_falling(losses: list[float], name: str) -> bool:
    """Whether the last losses are below the first, where that can be asked.

    In a game of two networks one's loss is the other's gain. Centres begin where k-means++ and some rounds of k-means
    leave them, the best place for random rows: there it is asked that they stay.
    """
    assert len(losses) == NUM_STEPS
    if not np.isfinite(losses).all() or name.startswith("gan "):
        return bool(np.isfinite(losses).all())
    return bool(np.mean(losses[-3:]) < losses[0] * (1.01 if name.endswith(" clustering") else 1))
