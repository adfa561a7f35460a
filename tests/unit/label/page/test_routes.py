"""Who is let in, what a request changes, and what is refused."""

from __future__ import annotations

import json
import os
import uuid
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from dbx_dl.contracts import LabelTask
from dbx_dl.label.page.desk import Desk
from dbx_dl.label.page.exchange import Request, Response
from dbx_dl.label.page.folder_items import FolderItems
from dbx_dl.label.page.inbox import InboxReader, LabelInbox
from dbx_dl.label.page.items import PageItem, read_suggestion
from dbx_dl.label.page.page_files import PAGE_FILES
from dbx_dl.label.page.routes import PageSubject, Routes

TOKEN, HOST = "secret", "127.0.0.1:8650"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)


class Client:
    """Asks routes over the items a, b and c of a folder as a browser does that was let in."""

    def __init__(self, folder: Path, task: LabelTask = "classes") -> None:
        for name in "abc":
            (folder / name).write_bytes(PNG)
        suggestion = read_suggestion(task, {"label": "cat", "probability": 0.9}, None, ("cat", "dog"))
        items = FolderItems(folder, [PageItem("a", suggestion), PageItem("b"), PageItem("c")])
        self.folder = folder
        self.inbox = LabelInbox(folder / "inbox")
        desk = Desk(items.list_items(), self.inbox)
        subject = PageSubject("things", "id", task, ("cat", "dog"), is_text=task == "text_classes")
        self.routes = Routes(subject, items, desk, token=TOKEN, cookie_name="door")

    def ask(self, path: str, method: str = "GET", *, body: bytes = b"", query: Any = None, **headers: str) -> Response:
        """The answer; headers by name, `_` for `-`, an empty one is not sent."""
        given = {
            "host": HOST,
            "cookie": f"door={TOKEN}",
            **{name.replace("_", "-"): it for name, it in headers.items()},
        }
        sent = {name: value for name, value in given.items() if value}
        return self.routes.answer(Request(method, path, query or {}, sent, body))

    def post(self, path: str, value: Any, **headers: str) -> tuple[HTTPStatus, Any]:
        """The status of a post, and what came back."""
        given = {"origin": f"http://{HOST}", "content_type": "application/json"} | headers
        response = self.ask(path, "POST", body=json.dumps(value).encode(), **given)
        return response.status, json.loads(response.body)

    def label(self, **values: Any) -> tuple[HTTPStatus, Any]:
        """Post a label of a as a cat by ada, or another one."""
        usual = {"label_id": str(uuid.uuid4()), "item_key": "a", "annotator": "ada", "labels": ["cat"]}
        return self.post("/api/labels", usual | values)

    def read(self) -> list[Any]:
        """What is on disk."""
        return list(InboxReader(self.folder / "inbox").read_new())


@pytest.fixture
def client(tmp_path: Path) -> Client:
    """Let in, at one class an item."""
    return Client(tmp_path)


def test_the_token_moves_from_the_link_into_a_cookie(client: Client) -> None:
    let_in = client.ask("/", query={"token": TOKEN, "name": "Zoë & co"}, cookie="")
    assert let_in.status == HTTPStatus.SEE_OTHER and let_in.headers["Location"] == "/?name=Zo%C3%AB%20%26%20co"
    assert let_in.headers["Set-Cookie"] == f"door={TOKEN}; HttpOnly; SameSite=Lax; Path=/"
    assert client.ask("/", query={"token": "other"}).status == HTTPStatus.FORBIDDEN


@pytest.mark.parametrize("path", [*PAGE_FILES, "/api/subject", "/api/content/0", "/nothing"])
@pytest.mark.parametrize("cookie", ["", "door=wrong", "other=secret", "door=", "\x01;="])
def test_nothing_without_the_token(client: Client, path: str, cookie: str) -> None:
    response = client.ask(path, cookie=cookie)
    assert response.status == HTTPStatus.FORBIDDEN and b"open the whole link" in response.body
    assert client.ask(path, x_label_token=TOKEN, cookie="").status != HTTPStatus.FORBIDDEN
    assert client.ask(path, x_label_token="wrong").status == HTTPStatus.FORBIDDEN, "a header counts before the cookie"


@pytest.mark.parametrize("before", ['state={"a": [1, 2]}; ', "a b; =; x; ", 'q="; '])
def test_cookies_of_other_ports_do_not_shut_anybody_out(client: Client, before: str) -> None:
    assert client.ask("/api/subject", cookie=f"{before}door={TOKEN}").status == HTTPStatus.OK
    assert client.ask("/api/subject", cookie=f"{before}door={TOKEN}; after").status == HTTPStatus.OK


@pytest.mark.parametrize(
    "host", ["", "evil.example", "evil.example:8650", "127.0.0.1.evil.example", "[::1]:8650", "0.0.0.0"]
)
def test_other_names_of_this_machine_are_refused(client: Client, host: str) -> None:
    assert client.ask("/api/subject", host=host).status == HTTPStatus.MISDIRECTED_REQUEST


@pytest.mark.parametrize("host", [HOST, "localhost:9000", "LOCALHOST"])
def test_a_tunnel_may_have_another_port(client: Client, host: str) -> None:
    assert client.ask("/api/subject", host=host).status == HTTPStatus.OK
    status, _ = client.post("/api/next", {"annotator": "ada"}, host=host, origin=f"http://{host}")
    assert status == HTTPStatus.OK


@pytest.mark.parametrize("origin", ["http://evil.example", "http://127.0.0.1:3000", f"https://{HOST}", "null", ""])
def test_pages_of_other_places_change_nothing(client: Client, origin: str) -> None:
    status, said = client.post("/api/labels", {}, origin=origin)
    assert status == HTTPStatus.FORBIDDEN and "another place" in said["error"]
    status, _ = client.post("/api/next", {"annotator": "ada"}, origin="", x_label_token=TOKEN)
    assert status == HTTPStatus.OK, "programs have the token and no origin"
    status, _ = client.post("/api/next", {}, origin="", x_label_token=TOKEN, sec_fetch_site="cross-site")
    assert status == HTTPStatus.FORBIDDEN
    assert client.read() == []


def test_forms_and_broken_bodies_are_refused(client: Client) -> None:
    assert client.post("/api/next", {}, content_type="text/plain")[0] == HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    for body in (b"", b"{", b"[]", b"\xff", b"[" * 100_000):
        response = client.ask(
            "/api/next", "POST", body=body, origin=f"http://{HOST}", content_type="application/json; charset=utf-8"
        )
        assert response.status == HTTPStatus.BAD_REQUEST
    assert client.ask("/", "PUT").status == HTTPStatus.METHOD_NOT_ALLOWED
    assert client.ask("/../setup.py").status == HTTPStatus.NOT_FOUND


def test_a_label_is_on_disk_when_it_is_called_saved(client: Client) -> None:
    status, described = client.post("/api/next", {"annotator": " ada  b "})
    assert status == HTTPStatus.OK and described["item"]["suggestion"]["labels"] == [
        {"label": "cat", "probability": 0.9}
    ]
    label_id = str(uuid.uuid4())
    suggested = {"was_suggested": True, "had_suggestion": True}
    status, said = client.label(label_id=label_id, annotator="ada b", **suggested)
    assert (status, said["saved"]) == (HTTPStatus.OK, label_id) and said["progress"]["num_done"] == 1
    (event,) = client.read()
    assert (event.label_id, event.annotator, event.was_suggested, event.source) == (label_id, "ada b", True, "human")
    assert event.had_suggestion is True
    assert client.label(label_id=label_id, annotator="ada b", **suggested)[0] == HTTPStatus.OK, "sent again"
    status, said = client.label(label_id=label_id, annotator="ada b", labels=["dog"])
    assert status == HTTPStatus.CONFLICT and "another label" in said["error"]
    assert client.read() == [event]
    assert client.post("/api/next", {"annotator": "ada b"})[1]["item"]["key"] == "b"


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"labels": ["bird"]}, "'bird' is not one of the classes"),
        ({"labels": []}, "exactly one label"),
        ({"labels": ["cat", "dog"]}, "exactly one label"),
        ({"labels": "cat"}, "labels"),
        ({"labels": [["cat"]]}, "labels.0"),
        ({"boxes": []}, None),
        ({"boxes": [{"label": "cat", "x": 0, "y": 0, "width": 1, "height": 1}]}, "in `labels`, not in `boxes`"),
        ({"annotator": "  "}, "who labels"),
        ({"annotator": "a\nb\u202e"}, "printable"),
        ({"annotator": "a" * 65}, "at most 64"),
        ({"annotator": 7}, "who labels"),
        ({"label_id": "7"}, "must be a UUID"),
        ({"label_id": None}, "must be a UUID"),
        ({"item_key": ""}, "item_key"),
        ({"item_key": None}, "item_key"),
        ({"was_suggested": "perhaps"}, "was_suggested"),
    ],
)
def test_a_label_that_cannot_be_is_refused_with_the_reason(
    client: Client, values: dict[str, Any], why: str | None
) -> None:
    status, said = client.label(**values)
    if why is None:
        assert status == HTTPStatus.OK
        return
    assert status == HTTPStatus.UNPROCESSABLE_ENTITY and why in said["error"]
    assert client.read() == []


def test_a_label_of_an_item_that_is_no_more_on_the_page_is_kept(client: Client) -> None:
    assert client.label(item_key="of an earlier start")[0] == HTTPStatus.OK
    assert [event.item_key for event in client.read()] == ["of an earlier start"]
    status, said = client.post("/api/open", {"annotator": "ada", "item_key": "of an earlier start"})
    assert status == HTTPStatus.NOT_FOUND and "any more" in said["error"]


def test_a_window_of_another_project_gets_nothing_and_keeps_its_labels(client: Client) -> None:
    assert client.label(project_id="id")[0] == HTTPStatus.OK
    before = client.read()
    other = {"project_id": "other", "annotator": "ada", "item_key": "a", "withdraws": str(uuid.uuid4())}
    for path in ("/api/labels", "/api/withdraw", "/api/next", "/api/open", "/api/renew"):
        status, said = client.post(path, {"label_id": str(uuid.uuid4()), "labels": ["cat"], "position": 0} | other)
        assert status == HTTPStatus.SERVICE_UNAVAILABLE, "the browser keeps it, and tries again"
        assert "another project is served here now, things" in said["error"]
    assert client.read() == before


def test_ones_own_labels_can_be_taken_back(client: Client) -> None:
    label_id = str(uuid.uuid4())
    client.label(label_id=label_id)
    undo = {"label_id": str(uuid.uuid4()), "item_key": "a", "annotator": "ada", "withdraws": label_id}
    assert client.post("/api/withdraw", undo | {"annotator": "bob"})[0] == HTTPStatus.FORBIDDEN
    assert client.post("/api/withdraw", undo | {"withdraws": None})[0] == HTTPStatus.UNPROCESSABLE_ENTITY
    assert client.post("/api/withdraw", undo)[0] == HTTPStatus.OK
    assert client.post("/api/withdraw", undo)[0] == HTTPStatus.OK, "sent again"
    status, found = client.post("/api/open", {"annotator": "ada", "item_key": "a"})
    assert status == HTTPStatus.OK and found["item"]["label"] is None
    assert [event.withdraws for event in client.read()] == [None, label_id]


def test_contents_are_images_by_their_bytes_or_nothing(client: Client) -> None:
    assert client.ask("/api/content/0").content_type == "image/png"
    (client.folder / "a").write_bytes(b"<svg xmlns='http://www.w3.org/2000/svg'/>")
    refused = client.ask("/api/content/0")
    assert refused.status == HTTPStatus.UNSUPPORTED_MEDIA_TYPE and refused.content_type == "application/json"
    (client.folder / "b").unlink()
    assert client.ask("/api/content/1").status == HTTPStatus.GONE
    os.mkfifo(client.folder / "b")
    assert client.ask("/api/content/1").status == HTTPStatus.GONE
    for place in ("9" * 5000, "3", "-1", "x", "../a", "", "٣"):
        assert client.ask(f"/api/content/{place}").status == HTTPStatus.NOT_FOUND


def test_texts_are_never_markup(tmp_path: Path) -> None:
    client = Client(tmp_path, "text_classes")
    (tmp_path / "a").write_bytes(b"<b>\xff</b>")
    shown = client.ask("/api/content/0")
    assert (shown.content_type, shown.body.decode()) == ("text/plain; charset=utf-8", "<b>\ufffd</b>")


def test_a_disk_that_is_full_is_no_saved_label(client: Client) -> None:
    client.inbox.close()
    status, said = client.label()
    assert status == HTTPStatus.SERVICE_UNAVAILABLE and "not saved" in said["error"]


def test_skipping_and_where_it_leads(client: Client) -> None:
    assert client.post("/api/next", {"annotator": "ada"})[1]["item"]["key"] == "a"
    assert client.post("/api/next", {"annotator": "ada", "skips": 0})[1]["item"]["key"] == "b"
    assert client.post("/api/next", {"annotator": "ada", "skips": 99})[0] == HTTPStatus.NOT_FOUND
    for _ in range(2):
        last = client.post("/api/next", {"annotator": "ada", "skips": 1})
    assert last[1]["item"]["key"] == "c"
    assert client.post("/api/renew", {"annotator": "ada", "position": 2})[0] == HTTPStatus.OK
    again = client.post("/api/next", {"annotator": "ada", "skips": 2, "is_skipped_wanted": True})
    assert again[1]["item"]["key"] == "a"
