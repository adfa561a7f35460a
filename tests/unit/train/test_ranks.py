"""Places and variables of ranks."""

from __future__ import annotations

import sys

from hypothesis import given
from hypothesis import strategies as st

from dbx_dl.runtime.ranks import TORCH_DDP, RankPlace, read_rank_place
from dbx_dl.train.ranks import RankProgram, Rendezvous, place_ranks, rank_environment

INTERFACES = ("HOROVOD_GLOO_IFACE", "GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME")


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
    if sys.platform == "linux":
        assert {variables[name] for name in INTERFACES} == {"lo"}
    chosen = rank_environment(1, meeting, present={"HOROVOD_GLOO_IFACE": "ib0"})
    assert "HOROVOD_GLOO_IFACE" not in chosen
    assert chosen["HOROVOD_CYCLE_TIME"] == "5"


def test_torchs_group_gets_the_variables_that_torch_reads() -> None:
    meeting = Rendezvous("127.0.0.1", 4711, ("vm", "vm"), backend=TORCH_DDP)
    variables = rank_environment(1, meeting, present={})
    assert read_rank_place(variables) == RankPlace(1, 2, 1, 2, 0, 1, TORCH_DDP)
    assert [variables[name] for name in ("MASTER_ADDR", "MASTER_PORT", "RANK", "WORLD_SIZE", "LOCAL_RANK")] == [
        "127.0.0.1",
        "4711",
        "1",
        "2",
        "1",
    ]
    assert "HOROVOD_GLOO_RENDEZVOUS_PORT" not in variables


def test_a_moved_program_names_its_new_directory() -> None:
    program = RankProgram("module", ("train", "/here"), "/here", 2, 60, is_shared=False)
    assert program.move("/there").arguments == ("train", "/there")
    assert program.move("/there").directory == "/there"
