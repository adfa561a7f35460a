"""What the page's server answers to which request; everything but the sockets."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from dbx_dl.contracts import LabelEvent, LabelTask
from dbx_dl.errors import DataError
from dbx_dl.label.page.access import (
    TOKEN_HEADER,
    is_known_host,
    is_same_origin,
    is_token,
    read_cookie,
    write_cookie,
)
from dbx_dl.label.page.content_types import find_image_type
from dbx_dl.label.page.desk import Desk
from dbx_dl.label.page.exchange import RefusedError, Request, Response, answer_json, read_json
from dbx_dl.label.page.items import Items
from dbx_dl.label.page.page_files import PAGE_FILES, read_page_file
from dbx_dl.label.page.posts import is_same_event, read_annotator, read_label, read_withdrawal

logger = logging.getLogger(__name__)

_MAX_DIGITS = 12
_NO_TOKEN = (
    "This page needs its token: open the whole link that `dbx-dl label serve` printed. "
    "A server that was started again has a new one."
)


@dataclass(frozen=True)
class PageSubject:
    """What is labelled: `title` names the labels table, `is_text` says how items are shown.

    `project_id` tells labels of this table and task from those of another that a browser may still keep or post.
    """

    title: str
    project_id: str
    task: LabelTask
    classes: tuple[str, ...]
    is_text: bool = False
    annotations_per_item: int = 1


class Routes:
    """All answers of one page."""

    def __init__(self, subject: PageSubject, items: Items, desk: Desk, *, token: str, cookie_name: str) -> None:
        self._subject, self._items, self._desk = subject, items, desk
        self._token, self._cookie_name = token, cookie_name
        self._listed = items.list_items()
        self._posts: dict[str, Callable[[Mapping[str, Any]], Response]] = {
            "/api/next": self._give_next,
            "/api/open": self._open,
            "/api/renew": self._renew,
            "/api/labels": self._take_label,
            "/api/withdraw": self._withdraw,
        }

    def answer(self, request: Request) -> Response:
        """The answer to any request; a refusal is one too."""
        try:
            return self._answer(request)
        except RefusedError as refused:
            return answer_json({"error": str(refused)}, refused.status)
        except DataError as error:
            logger.error("%s", error)
            return answer_json({"error": str(error)}, HTTPStatus.SERVICE_UNAVAILABLE)

    def _answer(self, request: Request) -> Response:
        if not is_known_host(request.headers.get("host", "")):
            raise RefusedError(HTTPStatus.MISDIRECTED_REQUEST, "ask for 127.0.0.1 or localhost")
        if request.method == "GET" and request.path == "/" and "token" in request.query:
            return self._let_in(request)
        if not self._has_token(request):
            return Response(HTTPStatus.FORBIDDEN, _NO_TOKEN.encode())
        if request.method == "POST":
            return self._answer_post(request)
        if request.method != "GET":
            raise RefusedError(HTTPStatus.METHOD_NOT_ALLOWED, "only GET and POST")
        return self._answer_get(request)

    def _let_in(self, request: Request) -> Response:
        """The token moves from the link, which browsers remember and show, into a cookie."""
        if not is_token(request.query["token"], self._token):
            return Response(HTTPStatus.FORBIDDEN, _NO_TOKEN.encode())
        name = request.query.get("name")
        headers = {
            "Location": f"/?name={quote(name)}" if name else "/",
            "Set-Cookie": write_cookie(self._cookie_name, self._token),
        }
        return Response(HTTPStatus.SEE_OTHER, headers=headers)

    def _has_token(self, request: Request) -> bool:
        given = request.headers.get(TOKEN_HEADER) or read_cookie(request.headers, self._cookie_name)
        return is_token(given, self._token)

    def _answer_get(self, request: Request) -> Response:
        if request.path == "/api/subject":
            return answer_json(asdict(self._subject))
        if request.path.startswith("/api/content/"):
            return self._show_content(self._check_position(request.path.removeprefix("/api/content/")))
        if request.path in PAGE_FILES:
            return read_page_file(request.path)
        raise RefusedError(HTTPStatus.NOT_FOUND, "there is nothing here")

    def _answer_post(self, request: Request) -> Response:
        if not is_same_origin(request.headers):
            raise RefusedError(HTTPStatus.FORBIDDEN, "another place's page may not change anything here")
        if request.path not in self._posts:
            raise RefusedError(HTTPStatus.NOT_FOUND, "there is nothing here")
        posted = read_json(request)
        self._require_project(posted)
        return self._posts[request.path](posted)

    def _require_project(self, posted: Mapping[str, Any]) -> None:
        """A window that another project's server left open posts here once this one has its port.

        The answer is one of those after which a page keeps what it has and tries again.
        """
        if posted.get("project_id") not in (None, self._subject.project_id):
            detail = (
                f"another project is served here now, {self._subject.title}: serve the one of this window at this "
                "address again, or load the page anew for the other one"
            )
            raise RefusedError(HTTPStatus.SERVICE_UNAVAILABLE, detail)

    def _show_content(self, position: int) -> Response:
        content = self._items.read_content(position)
        if content is None:
            raise RefusedError(HTTPStatus.GONE, "the item's file is not there any more, or cannot be read")
        if self._subject.is_text:
            return Response(HTTPStatus.OK, content.decode(errors="replace").encode())
        content_type = find_image_type(content)
        if content_type is None:
            detail = "these bytes are no PNG, JPEG, GIF, BMP, WebP or AVIF image, which is what a browser shows"
            raise RefusedError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, detail)
        return Response(HTTPStatus.OK, content, content_type)

    def _give_next(self, posted: Mapping[str, Any]) -> Response:
        annotator = read_annotator(posted)
        if posted.get("skips") is not None:
            self._desk.skip(self._check_position(posted["skips"]), annotator)
        if posted.get("is_skipped_wanted"):
            self._desk.show_skipped_again(annotator)
        return self._describe(self._desk.take_next(annotator), annotator)

    def _open(self, posted: Mapping[str, Any]) -> Response:
        """An item by its key: positions are others after the server was started again."""
        annotator, key = read_annotator(posted), posted.get("item_key")
        position = self._desk.find_position(key) if isinstance(key, str) else None
        if position is None:
            raise RefusedError(HTTPStatus.NOT_FOUND, f"the item {key} is not among those of this page any more")
        self._desk.open_item(position, annotator)
        return self._describe(position, annotator)

    def _renew(self, posted: Mapping[str, Any]) -> Response:
        self._desk.renew(self._check_position(posted.get("position")), read_annotator(posted))
        return answer_json({"renewed": True})

    def _take_label(self, posted: Mapping[str, Any]) -> Response:
        event = read_label(posted, self._subject.task, self._subject.classes, self._desk.stamp())
        if self._desk.find_position(event.item_key) is None:
            # Sent again after a restart that leaves out what is labelled: what a person said is kept.
            logger.warning("a label for %s, which is not among the items of this page, is kept", event.item_key)
        return self._record(event)

    def _withdraw(self, posted: Mapping[str, Any]) -> Response:
        event = read_withdrawal(posted, self._subject.task, self._desk.stamp())
        label = self._desk.find_event(event.withdraws or "")
        if label is not None and (label.annotator, label.item_key) != (event.annotator, event.item_key):
            raise RefusedError(HTTPStatus.FORBIDDEN, "only one's own labels can be taken back")
        return self._record(event)

    def _record(self, event: LabelEvent) -> Response:
        if not self._desk.record(event):
            known = self._desk.find_event(event.label_id)
            if known is None or not is_same_event(event, known):
                raise RefusedError(HTTPStatus.CONFLICT, f"another label has the id {event.label_id}")
        return answer_json({"saved": event.label_id, "progress": asdict(self._desk.measure_progress(event.annotator))})

    def _describe(self, position: int | None, annotator: str) -> Response:
        progress = asdict(self._desk.measure_progress(annotator))
        if position is None:
            return answer_json({"item": None, "progress": progress})
        item, label = self._listed[position], self._desk.find_label(position, annotator)
        described = {
            "position": position,
            "key": item.key,
            "suggestion": item.suggestion.as_json(),
            "label": None if label is None else label.model_dump(mode="json"),
        }
        return answer_json({"item": described, "progress": progress})

    def _check_position(self, value: Any) -> int:
        text = str(value)
        # Python refuses to read a number of thousands of digits.
        is_number = text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS
        if not is_number or int(text) >= len(self._listed):
            raise RefusedError(HTTPStatus.NOT_FOUND, f"there is no item {text[:20]!r}")
        return int(text)
