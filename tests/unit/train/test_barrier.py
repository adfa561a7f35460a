"""What a task refuses before it meets the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dbx_dl.errors import DataError, SetupError
from dbx_dl.runtime.installations import Installation
from dbx_dl.train import barrier
from dbx_dl.train.barrier import _require_own_gpus, run_in_barrier
from dbx_dl.train.failures import explain_failure
from dbx_dl.train.ranks import RankProgram, place_ranks
from dbx_dl.train.run_directory import RunDirectory


class LonelyContext:
    """A task's context, as far as a task gets here."""

    def partitionId(self) -> int:
        return 0


def test_a_directory_that_the_executor_cannot_see_is_named(tmp_path: Path) -> None:
    program = RankProgram("module", (), str(tmp_path / "elsewhere"), 2, 60)
    context: Any = LonelyContext()
    with pytest.raises(DataError, match=r"elsewhere does not exist on .*driver and every executor share"):
        list(run_in_barrier(program, context, "stage"))


def test_a_task_with_other_packages_than_the_driver_says_so_in_its_rank_s_stead(tmp_path: Path) -> None:
    driver = Installation("driver", "3.1.4", {"dbx_dl": "0.0.1", "numpy": "0.0.2"})
    program = RankProgram("module", (), str(tmp_path), 2, 60, installation=driver)
    context: Any = LonelyContext()
    with pytest.raises(SetupError, match=r"has Python 3\.\d+, dbx_dl \S+, numpy \S+; the driver has Python 3\.1"):
        list(run_in_barrier(program, context, "stage"))
    explained = explain_failure(RunDirectory(tmp_path), 2, RuntimeError("Job aborted"))
    assert isinstance(explained, SetupError) and "numpy 0.0.2: install the same wheels" in str(explained)


def test_a_machine_with_too_few_gpus_is_told_of_before_its_peers_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(barrier, "count_gpus", lambda: 2)
    monkeypatch.setattr(barrier, "uses_nccl", lambda backend: backend == "horovod")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    hosts = ("a", "b", "b")
    program = RankProgram("module", (), str(tmp_path), len(hosts), 60)
    places = place_ranks(hosts)
    _require_own_gpus(program, places[0], "a")
    with pytest.raises(SetupError, match="2 ranks would run on b, which has 1 GPU: "):
        _require_own_gpus(program, places[2], "b")
    explained = explain_failure(RunDirectory(tmp_path), len(hosts), RuntimeError("Job aborted"))
    assert isinstance(explained, SetupError) and "which has 1 GPU" in str(explained)
