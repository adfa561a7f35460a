"""The sockets of the page: loopback only, safe headers, whole bodies, and an end that waits."""

from __future__ import annotations

import http.client
import logging
import socket
import threading
from collections.abc import Iterator
from http import HTTPStatus

import pytest

from dbx_dl.errors import SetupError
from dbx_dl.label.page.exchange import Request, Response
from dbx_dl.label.page.server import PageServer


@pytest.fixture
def server() -> Iterator[PageServer]:
    """Any port; not started."""
    made = PageServer(0)
    yield made
    made.stop()


def ask(server: PageServer, method: str, path: str, body: bytes | None = None) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request(method, path, body)
    response = connection.getresponse()
    response.read()
    connection.close()
    return response


def test_requests_arrive_whole_and_answers_are_safe(server: PageServer) -> None:
    seen: list[Request] = []
    server.start(lambda request: (seen.append(request), Response(HTTPStatus.OK, b"x"))[1])
    response = ask(server, "POST", "/a?b=%C3%A4&c=1&c=2", "ü".encode())
    assert response.status == 200 and response.headers["Server"] == "dbx_dl"
    assert (seen[0].path, dict(seen[0].query), seen[0].body.decode()) == ("/a", {"b": "ä", "c": "2"}, "ü")
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    assert response.headers["X-Content-Type-Options"] == "nosniff" and response.headers["Cache-Control"] == "no-store"


def test_only_this_machine_can_connect(server: PageServer) -> None:
    server.start(lambda _: Response(HTTPStatus.OK))
    with socket.socket() as other:
        other.bind(("127.0.0.2", server.port))  # free there: the page has no other address


def test_a_taken_port_is_told(server: PageServer) -> None:
    with pytest.raises(SetupError, match=f"port {server.port} .*label.page.port"):
        PageServer(server.port)


def test_long_and_cut_bodies_change_nothing(server: PageServer) -> None:
    seen: list[Request] = []
    server.start(lambda request: (seen.append(request), Response(HTTPStatus.OK))[1])
    head = "POST /api/labels HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {}\r\n\r\n"
    for length, answer in (
        ("99999999", b"HTTP/1.1 413"),
        ("9" * 5000, b"HTTP/1.1 413"),
        ("x", b"HTTP/1.1 413"),
        ("10", b""),
    ):
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as raw:
            raw.sendall(head.format(length).encode() + b"{")
            raw.shutdown(socket.SHUT_WR)
            assert raw.recv(12) == answer
    assert seen == []


def test_a_failure_is_logged_and_answered_without_its_text(
    server: PageServer, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(request: Request) -> Response:
        raise ValueError("inner workings")

    server.start(fail)
    with caplog.at_level(logging.ERROR):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        connection.request("GET", "/?token=secret")
        response = connection.getresponse()
        assert response.status == 500 and b"inner workings" not in response.read()
        connection.close()
    assert "inner workings" in caplog.text and "secret" not in caplog.text


def test_stopping_waits_for_the_answer_under_way_and_ends_idle_connections(server: PageServer) -> None:
    is_asked, goes_on = threading.Event(), threading.Event()

    def answer_slowly(request: Request) -> Response:
        if request.path == "/slow":
            is_asked.set()
            goes_on.wait(10)
        return Response(HTTPStatus.OK, b"done")

    server.start(answer_slowly)
    idle = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    idle.request("GET", "/")
    idle.getresponse().read()
    slow = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    slow.request("GET", "/slow")
    assert is_asked.wait(10)
    stopping = threading.Thread(target=server.stop)
    stopping.start()
    stopping.join(0.2)
    assert stopping.is_alive()
    goes_on.set()
    assert slow.getresponse().read() == b"done"
    stopping.join(10)
    assert not stopping.is_alive()
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        idle.request("GET", "/")
        idle.getresponse()
    slow.close()
