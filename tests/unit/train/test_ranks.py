"""Places and variables of ranks, and one rank's process from start to its failure."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbx_dl.errors import RankFailedError
from dbx_dl.runtime.ranks import RankPlace, read_rank_place
from dbx_dl.train.failures import read_failures
from dbx_dl.train.job import RunDirectory
from dbx_dl.train.ranks import RankProgram, Rendezvous, place_ranks, rank_environment, run_alone


def test_ranks_on_two_machines_in_mixed_order() -> None:
    assert place_ranks(["a", "b", "a", "b", "b"]) == [
        RankPlace(0, 5, 0, 2, 0, 2),
        RankPlace(1, 5, 0, 3, 1, 2),
        RankPlace(2, 5, 1, 2, 0, 2),
        RankPlace(3, 5, 1, 3, 1, 2),
        RankPlace(4, 5, 2, 3, 0, 1),
    ]


@given(st.lists(st.sampled_from("abcd"), min_size=1, max_size=20))
def test_local_and_cross_ranks_number_their_groups(hosts: list[str]) -> None:
    places = place_ranks(hosts)
    for host in set(hosts):
        local = [p for p, h in zip(places, hosts, strict=True) if h == host]
        assert [p.local_rank for p in local] == list(range(len(local)))
        assert {p.local_size for p in local} == {len(local)}
    for local_rank in {p.local_rank for p in places}:
        cross = [p for p in places if p.local_rank == local_rank]
        assert sorted(p.cross_rank for p in cross) == list(range(len(cross)))
        assert {p.cross_size for p in cross} == {len(cross)}


def test_the_variables_bring_the_place_and_the_meeting() -> None:
    meeting = Rendezvous("127.0.0.1", 4711, ("vm", "vm"))
    variables = rank_environment(1, meeting, present={"HOROVOD_CYCLE_TIME": "20"})
    assert read_rank_place(variables) == RankPlace(1, 2, 1, 2, 0, 1)
    assert variables["HOROVOD_GLOO_RENDEZVOUS_PORT"] == "4711"
    assert variables["HOROVOD_CONTROLLER"] == variables["HOROVOD_CPU_OPERATIONS"] == "gloo"
    assert "HOROVOD_CYCLE_TIME" not in variables
    assert ("HOROVOD_GLOO_IFACE" in variables) == (sys.platform == "linux")
    two_hosts = rank_environment(1, Rendezvous("10.0.0.1", 1, ("a", "b")), present={})
    assert "HOROVOD_GLOO_IFACE" not in two_hosts
    assert two_hosts["HOROVOD_CYCLE_TIME"] == "5"


def program(tmp_path: Path, name: str, timeout_seconds: float = 60) -> RankProgram:
    module = f"{__package__}.rank_programs"
    return RankProgram(module, (name, str(tmp_path)), str(tmp_path), 1, timeout_seconds)


def test_output_goes_to_the_ranks_log_and_horovods_variables_are_not_inherited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "HOROVOD_RANK", "7")
    run_alone(program(tmp_path, "say_place"))
    assert "rank 0 of 1" in RunDirectory(tmp_path).log(0).read_text()


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
