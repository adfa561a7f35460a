"""A page is served from a folder without Spark until it is stopped, and says at once what it lacks."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
import uuid
from pathlib import Path
from typing import Any

import pytest

from dbx_dl.config import LabelConfig, load_run_config
from dbx_dl.errors import ConfigError, DataError, SetupError
from dbx_dl.label.page import serving
from dbx_dl.label.page.folder_items import list_keys
from dbx_dl.label.page.inbox import InboxReader, LabelInbox
from dbx_dl.label.page.serving import serve_labels
from dbx_dl.labelling import serve_run
from tests.unit.label.page.test_inbox import make_event


def configure(folder: Path, **values: Any) -> LabelConfig:
    """A project over the files of a folder."""
    page = {"items": str(folder), "items_format": "folder", "port": 0, **values.pop("page", {})}
    return LabelConfig.model_validate(
        {"table": str(folder / "labels"), "task": "classes", "classes": ["cat", "dog"], "page": page, **values}
    )


def ask(link: str, path: str, value: Any) -> Any:
    """What the page answers to a post."""
    address, _, query = link.partition("/?")
    token = query.removeprefix("token=").partition("&")[0]
    headers = {"Content-Type": "application/json", "X-Label-Token": token}
    request = urllib.request.Request(f"{address}{path}", json.dumps(value).encode(), headers)
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.loads(response.read())


def test_it_goes_on_where_an_earlier_page_and_another_one_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "_GLANCE_SECONDS", 0.02)
    for name in ("a.png", "b.png", "c.png"):
        (tmp_path / name).write_bytes(b"\x89PNG\r\n\x1a\n")
    LabelInbox(tmp_path / "inbox").append(make_event("a.png"))
    told: list[str] = []
    stopped = threading.Event()
    results: list[int] = []
    label = configure(tmp_path)

    def serve() -> None:
        results.append(serve_labels(None, label, str(tmp_path / "inbox"), told=told.append, stopped=stopped))

    thread = threading.Thread(target=serve)
    thread.start()
    while not told:
        assert thread.is_alive()
        time.sleep(0.01)
    first = ask(told[0], "/api/next", {"annotator": "bob"})
    assert first["progress"]["num_done"] == 1 and first["item"]["key"] != "a.png"
    value = {"label_id": str(uuid.uuid4()), "item_key": first["item"]["key"], "annotator": "bob", "labels": ["dog"]}
    assert ask(told[0], "/api/labels", value)["progress"]["num_done"] == 2
    (left,) = {"b.png", "c.png"} - {first["item"]["key"]}
    LabelInbox(tmp_path / "inbox").append(make_event(left))
    while ask(told[0], "/api/next", {"annotator": "bob"})["item"] is not None:
        time.sleep(0.01)
    stopped.set()
    thread.join(10)
    assert results == [1]
    assert len(list(InboxReader(tmp_path / "inbox").read_new())) == 3


def test_one_start_without_spark_takes_so_many_that_are_not_done(tmp_path: Path) -> None:
    for number in range(6):
        (tmp_path / f"{number}.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    inbox = LabelInbox(tmp_path / "inbox")
    keys = list_keys(tmp_path, is_text=False)
    cow = make_event(keys[1]).model_copy(update={"labels": ("cow",)})
    back = make_event(keys[2])
    taken_back = back.model_copy(update={"withdraws": back.label_id, "labels": (), "label_id": str(uuid.uuid4())})
    for event in (make_event(keys[0]), cow, back, taken_back):
        inbox.append(event)
    label = configure(tmp_path, page={"max_items": 2})
    told: list[str] = []
    stopped = threading.Event()
    seen: list[Any] = []

    def look(link: str) -> None:
        told.append(link)
        seen.append(ask(link, "/api/next", {"annotator": "bob"}))
        stopped.set()

    serve_labels(None, label, str(tmp_path / "inbox"), told=look, stopped=stopped)
    assert seen[0]["progress"] == {"num_items": 3, "num_done": 1, "num_mine": 0, "num_skipped": 0}
    assert seen[0]["item"]["key"] == keys[1], "a class that is no more labels nothing"


@pytest.mark.parametrize(
    ("values", "inbox", "error", "why"),
    [
        ({"classes": []}, "inbox", ConfigError, "label.classes is empty"),
        ({}, "s3://bucket/inbox", ConfigError, "must be a folder of this machine"),
        ({"page": {"items": "s3://bucket/items"}}, "inbox", ConfigError, "no folder of this machine"),
        ({"page": {"items_format": "table"}}, "inbox", ConfigError, "is a table, which Spark reads"),
        ({"page": {"suggestions": "scores"}}, "inbox", ConfigError, "has a queue or suggestions"),
        ({"queue": {"table": "queue"}}, "inbox", ConfigError, "has a queue or suggestions"),
        ({"task": "boxes", "page": {"shows": "text"}}, "inbox", ConfigError, "are drawn on images"),
        ({"page": {"shows": "text"}}, "inbox", DataError, "holds no file that ends in .txt"),
    ],
)
def test_what_it_lacks_is_told(
    tmp_path: Path, values: dict[str, Any], inbox: str, error: type[Exception], why: str
) -> None:
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    place = inbox if "://" in inbox else str(tmp_path / inbox)
    with pytest.raises(error, match=why):
        serve_labels(None, configure(tmp_path, **values), place, stopped=threading.Event())


def test_no_page_and_a_taken_port_are_told(tmp_path: Path) -> None:
    label = configure(tmp_path)
    with pytest.raises(ConfigError, match=r"label\.page is not given"):
        serve_labels(None, label.model_copy(update={"page": None}), str(tmp_path / "inbox"))
    run = load_run_config(Path(__file__).parents[4] / "conf" / "runs" / "breast_cancer.yml")
    with pytest.raises(ConfigError, match="has no section label"):
        serve_run(None, run, told=print)
    server = serving.PageServer(0)
    with pytest.raises(SetupError, match=r"set label\.page\.port to another"):
        serve_labels(None, configure(tmp_path, page={"port": server.port}), str(tmp_path / "inbox"))
    server.stop()
