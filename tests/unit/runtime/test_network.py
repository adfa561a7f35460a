"""Own addresses and interfaces on the way to other hosts, and free ports."""

from __future__ import annotations

import socket
import sys

import pytest

from dbx_dl.errors import SetupError
from dbx_dl.runtime import network
from dbx_dl.runtime.network import LOOPBACK, find_free_port, find_interface, find_own_address, find_route


def test_a_host_alone_uses_the_loopback() -> None:
    assert find_own_address("a", ["a", "a"]) == LOOPBACK


def test_the_way_to_most_of_the_others_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    ways = {"b": "10.0.0.1", "c": "192.168.0.1", "d": "192.168.0.1", "e": None}
    monkeypatch.setattr(network, "find_route", ways.__getitem__)
    assert find_own_address("a", ["a", "b", "c", "c", "d", "e"]) == "192.168.0.1"
    with pytest.raises(SetupError, match="host a has no route to e: let the executors"):
        find_own_address("a", ["a", "e"])


def test_the_routing_table_is_asked() -> None:
    assert find_route("127.0.0.2") in ("127.0.0.1", "127.0.0.2")
    assert find_route("no-such-host.invalid") is None


def test_the_interface_of_an_address() -> None:
    if sys.platform == "linux":
        assert find_interface(LOOPBACK) == "lo"
    with pytest.raises(SetupError, match=r"no network interface of .* has the address 203\.0\.113\.77"):
        find_interface("203.0.113.77")


def test_a_free_port_can_be_listened_on() -> None:
    with socket.create_server((LOOPBACK, find_free_port(LOOPBACK))) as server:
        assert 20000 <= server.getsockname()[1] < 32000
