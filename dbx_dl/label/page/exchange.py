"""A request and its answer, without the sockets: what the routes take and give."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any


@dataclass(frozen=True)
class Request:
    """What came in: header names in lower case, the query decoded, the last value of each name."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True)
class Response:
    """What goes out, beside the headers that every answer has."""

    status: HTTPStatus
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)


class RefusedError(Exception):
    """A request that is not carried out; the page shows the message."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


def answer_json(value: Any, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """A value as JSON."""
    return Response(status, json.dumps(value).encode(), "application/json")


def read_json(request: Request) -> Mapping[str, Any]:
    """The body's object; RefusedError where it is none."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise RefusedError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "the content type must be application/json")
    try:
        value = json.loads(request.body)
    except (ValueError, RecursionError):
        raise RefusedError(HTTPStatus.BAD_REQUEST, "the request's body is no JSON") from None
    if not isinstance(value, dict):
        raise RefusedError(HTTPStatus.BAD_REQUEST, "the request's body is no JSON object")
    return value
