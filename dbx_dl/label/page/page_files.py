"""The page's own files, which come with the package: nothing is loaded from anywhere else."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path

from dbx_dl.label.page.exchange import Response

_FOLDER = Path(__file__).parent / "static"
_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
PAGE_FILES = {
    "/": "index.html",
    **{f"/{path.name}": path.name for path in sorted(_FOLDER.iterdir()) if path.suffix in (".css", ".js", ".svg")},
}
# Everything comes from this server; nothing may frame the page, and images may not be scripts.
SAFETY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def read_page_file(path: str) -> Response:
    """One of PAGE_FILES."""
    file = _FOLDER / PAGE_FILES[path]
    return Response(HTTPStatus.OK, file.read_bytes(), f"{_TYPES[file.suffix]}; charset=utf-8")
