"""One rank's process from start to its end: input, output in numbered files, failures, and nothing left behind."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from dbx_dl.errors import RankFailedError
from dbx_dl.train.failures import read_failures
from dbx_dl.train.rank_process import run_alone
from dbx_dl.train.ranks import RankProgram
from dbx_dl.train.reports import ReportReader
from dbx_dl.train.run_directory import RunDirectory
from tests.unit.runtime.test_processes import is_running, wait_until


def program(tmp_path: Path, name: str, timeout_seconds: float = 60) -> RankProgram:
    module = f"{__package__}.rank_programs"
    return RankProgram(module, (name, str(tmp_path)), str(tmp_path), 1, timeout_seconds, stdin=b"hello")


def read_lines(tmp_path: Path) -> list[str]:
    return [record["line"] for record in ReportReader(RunDirectory(tmp_path).output(0)).read_new()]


def test_output_goes_into_numbered_files_and_horovods_variables_are_not_inherited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "HOROVOD_RANK", "7")
    run_alone(program(tmp_path, "say_place"), gpu="3")
    assert read_lines(tmp_path) == ["rank 0 of 1", "GPU 3", "input: hello"]


def test_a_rank_has_what_was_lent_and_nothing_shows_it(tmp_path: Path) -> None:
    lent = replace(program(tmp_path, "say_lent"), variables={"DBX_DL_LENT": "hunter2"})
    run_alone(lent)
    assert read_lines(tmp_path) == ["lent: hunter2"]
    assert "hunter2" not in repr(lent) and "DBX_DL_LENT" not in os.environ


def test_a_failing_process_without_a_word_is_explained_by_its_last_output(tmp_path: Path) -> None:
    with pytest.raises(RankFailedError, match=r"(?s)rank 0 of 1 failed: its process exited with code 3.*last words"):
        run_alone(program(tmp_path, "exit_3"))
    (failure,) = read_failures(RunDirectory(tmp_path), 1)
    assert "last words" in failure.traceback


def test_a_killed_process_names_the_signal(tmp_path: Path) -> None:
    with pytest.raises(RankFailedError, match="SIGKILL"):
        run_alone(program(tmp_path, "kill_itself"))


def test_a_rank_that_takes_too_long_is_stopped(tmp_path: Path) -> None:
    with pytest.raises(RankFailedError, match="did not finish within timeout_seconds = 1"):
        run_alone(program(tmp_path, "sleep", timeout_seconds=1))


def test_children_of_a_killed_rank_end_with_it(tmp_path: Path) -> None:
    with pytest.raises(RankFailedError, match="SIGKILL"):
        run_alone(program(tmp_path, "kill_itself_above_a_child"))
    child = int(read_lines(tmp_path)[0])
    wait_until(lambda: not is_running(child))


def test_a_driver_that_cannot_see_the_directory_gets_the_output_with_the_error(tmp_path: Path) -> None:
    alone = replace(program(tmp_path, "print_and_raise"), is_shared=False)
    with pytest.raises(RankFailedError, match=r"(?s)ValueError: too bad.*in print_and_raise.*output:\nlast words"):
        run_alone(alone)
