"""The page's HTTP server: on this machine's loopback only, a thread per connection."""

from __future__ import annotations

import logging
import secrets
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from dbx_dl.errors import SetupError
from dbx_dl.label.page.exchange import Request, Response, answer_json
from dbx_dl.label.page.page_files import SAFETY_HEADERS

logger = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"
_MAX_BODY_BYTES = 4 * 2**20
_SILENCE_SECONDS = 60.0
_TOKEN_BYTES = 32
# How soon `stop` is heard.
_POLL_SECONDS = 0.1

Answer = Callable[[Request], Response]


def make_token() -> str:
    """A token that nobody guesses."""
    return secrets.token_urlsafe(_TOKEN_BYTES)


class PageServer:
    """A socket that is bound at once, so that its port is known, and serves from `start` to `stop`."""

    def __init__(self, port: int) -> None:
        try:
            self._server = _LoopbackServer((LOOPBACK, port), _Handler)
        except OSError as error:
            problem = f"port {port} of {LOOPBACK} cannot be had ({error.strerror})"
            fix = "another page may be served there: set label.page.port to another one, or to 0 for any"
            raise SetupError(problem, fix) from None
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        """The port, also where any was asked for."""
        return int(self._server.server_address[1])

    def write_link(self, token: str, name: str | None = None) -> str:
        """The link to open, with the token and, where it is known, the person's name."""
        query = {"token": token, **({"name": name} if name else {})}
        return f"http://{LOOPBACK}:{self.port}/?{urlencode(query)}"

    def start(self, answer: Answer) -> None:
        """Answer requests from now on, in threads of their own."""
        self._server.answer = answer
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_POLL_SECONDS,), name="label page", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Answer no further request; those that are being answered are waited for."""
        if self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.end_connections()
        self._server.server_close()


class _LoopbackServer(ThreadingHTTPServer):
    # So that `server_close` waits for those that still answer.
    daemon_threads = False
    answer: Answer

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def end_connections(self) -> None:
        """Browsers keep connections open: let each end after the answer that is under way."""
        with self._lock:
            for connection in self._connections:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RD)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Browsers break off connections at will: that is nobody's failure."""
        del request
        logger.debug("a connection of %s ended early", client_address, exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _SILENCE_SECONDS
    server: _LoopbackServer

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)

    def version_string(self) -> str:
        return "dbx_dl"

    def do_GET(self) -> None:
        self._reply(b"")

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        is_number = length.isascii() and length.isdigit() and len(length) <= len(str(_MAX_BODY_BYTES))
        if not is_number or int(length) > _MAX_BODY_BYTES:
            # What follows is not read, so the connection cannot go on.
            self.close_connection = True
            self._send(answer_json({"error": "the request is too long"}, HTTPStatus.REQUEST_ENTITY_TOO_LARGE))
            return
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            # Cut off: no answer, so that it is sent again.
            self.close_connection = True
            return
        self._reply(body)

    def _reply(self, body: bytes) -> None:
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, parts.path, dict(parse_qsl(parts.query)), headers, body)
        try:
            response = self.server.answer(request)
        except Exception:
            logger.exception("%s %s failed", self.command, parts.path)
            response = answer_json({"error": "the server failed: see its log"}, HTTPStatus.INTERNAL_SERVER_ERROR)
        self._send(response)

    def _send(self, response: Response) -> None:
        self.send_response(response.status)
        headers = {"Content-Type": response.content_type, **SAFETY_HEADERS, **response.headers}
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        self.wfile.write(response.body)

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are not logged: their first line has the token."""
