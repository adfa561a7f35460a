"""Who may ask the page: this machine's browsers with the token, and no page of another place on their behalf."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from urllib.parse import urlsplit

_LOOPBACK = ("127.0.0.1", "localhost")
TOKEN_HEADER = "x-label-token"


def is_known_host(host: str) -> bool:
    """Whether a Host header names this machine: any other name was made to lead here (DNS rebinding).

    Any port: a tunnel may have another one at its near end.
    """
    name, _, port = host.strip().lower().partition(":")
    return name in _LOOPBACK and (not port or port.isdigit())


def is_same_origin(headers: Mapping[str, str]) -> bool:
    """Whether a request that changes something comes from the page itself; programs send no Origin but the token."""
    origin = headers.get("origin")
    if origin is None:
        return TOKEN_HEADER in headers and headers.get("sec-fetch-site", "none") in ("none", "same-origin")
    parts = urlsplit(origin)
    return parts.scheme == "http" and parts.netloc.lower() == headers.get("host", "").strip().lower()


def is_token(given: str | None, token: str) -> bool:
    """Whether it is the token, in a time that does not tell how much of it was right."""
    return given is not None and hmac.compare_digest(given.encode(errors="replace"), token.encode())


def name_cookie(port: int) -> str:
    """The cookie's name: browsers share cookies among all ports of a host."""
    return f"dbx_dl_label_{port}"


def read_cookie(headers: Mapping[str, str], name: str) -> str | None:
    """The cookie's value, if the browser sent one.

    Cut by hand: servers of other ports of this host set cookies of any form, on which `http.cookies` gives up.
    """
    for part in headers.get("cookie", "").split(";"):
        given, is_cookie, value = part.strip().partition("=")
        if is_cookie and given == name:
            return value
    return None


def write_cookie(name: str, token: str) -> str:
    """A Set-Cookie header that scripts cannot read and other sites cannot make use of."""
    return f"{name}={token}; HttpOnly; SameSite=Lax; Path=/"
