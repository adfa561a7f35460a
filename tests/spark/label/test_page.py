"""The page's items come from tables, and what it called saved is in the labels table once, whoever was killed when."""

from __future__ import annotations

import http.client
import json
import re
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from dbx_dl.config import LabelConfig
from dbx_dl.errors import ConfigError, DataError
from dbx_dl.label.inbox import ingest_labels
from dbx_dl.label.page.items import PageItem
from dbx_dl.label.page.loading import load_items
from dbx_dl.label.page.serving import serve_labels
from dbx_dl.label.table import append_labels, read_latest
from tests.unit.label.page.test_inbox import make_event

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

CLASSES = ("cat", "dog")
RUN = """
name: things
directory: {folder}/run
label:
  table: {folder}/labels
  task: classes
  classes: [cat, dog]
  inbox: {folder}/inbox
  page: {{items: {folder}/items, items_format: folder, port: 0, annotations_per_item: 20}}
prepare: {{kind: images, source: {folder}/items, table: {folder}/prepared, height: 8, width: 8}}
train: {{network: convnet}}
registry: {{name: things}}
score: {{source: {folder}/items, source_format: images, model: "models:/things@champion", table: {folder}/scores}}
"""


class Poster:
    """What a browser does: sends a label again, under the same id, until it is told that it is saved."""

    def __init__(self, name: str, num_labels: int) -> None:
        self.name = name
        self.saved: list[str] = []
        self._waiting = [str(uuid.uuid4()) for _ in range(num_labels)]
        self.link = ""
        self._thread = threading.Thread(target=self._send_all, daemon=True)
        self._thread.start()

    @property
    def is_done(self) -> bool:
        """Whether all is saved."""
        return not self._waiting

    def _send_all(self) -> None:
        while self._waiting:
            try:
                post_label(self.link, self._waiting[0], f"{len(self.saved) % 5}.png", self.name)
            except (OSError, http.client.HTTPException, ValueError):
                time.sleep(0.02)
                continue
            self.saved.append(self._waiting.pop(0))


def post_label(link: str, label_id: str, key: str, name: str) -> None:
    """Say that an item is a cat; ValueError where that is not called saved."""
    parts = urlsplit(link)
    connection = http.client.HTTPConnection("127.0.0.1", parts.port or 1, timeout=20)
    value = {"label_id": label_id, "item_key": key, "annotator": name, "labels": ["cat"]}
    headers = {"Content-Type": "application/json", "X-Label-Token": parse_qs(parts.query).get("token", [""])[0]}
    try:
        connection.request("POST", "/api/labels", json.dumps(value), headers)
        answer = json.loads(connection.getresponse().read())
    finally:
        connection.close()
    if answer.get("saved") != label_id:
        raise ValueError(answer)


def start_server(config: Path) -> tuple[subprocess.Popen[str], str]:
    """`dbx-dl label serve --no-spark` in a process of its own, and the link that it prints."""
    call = "import sys; from dbx_dl.cli import main; main('label', 'serve')"
    command = [sys.executable, "-c", call, "--config", str(config), "--no-spark"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if found := re.search(r"http\S+", line):
            return process, found[0]
    raise AssertionError("the server ended without a link")


def test_every_label_that_was_called_saved_is_in_the_table_once(spark: SparkSession, tmp_path: Path) -> None:
    """Two servers on one inbox; both are killed again and again in the midst of labels, and one is stopped at last."""
    (tmp_path / "items").mkdir()
    for number in range(5):
        (tmp_path / "items" / f"{number}.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    config = tmp_path / "run.yml"
    config.write_text(RUN.format(folder=tmp_path))
    posters = [Poster(name, 320) for name in ("ada", "bob")]
    places = str(tmp_path / "inbox"), str(tmp_path / "labels")
    meanwhile = threading.Thread(target=ingest_labels, args=(spark, *places))
    num_kills = 0
    while not all(poster.is_done for poster in posters):
        servers = [start_server(config) for _ in posters]
        for poster, (_, link) in zip(posters, servers, strict=True):
            poster.link = link
        if num_kills < 3:
            # In the midst of the labels that they are sent, one a few milliseconds after the other.
            while min(len(poster.saved) for poster in posters) < 90 * (num_kills + 1):
                time.sleep(0.001)
            if num_kills == 1:
                meanwhile.start()
            num_kills += 1
        else:
            while not all(poster.is_done for poster in posters):
                time.sleep(0.05)
            servers[0][0].terminate()
            assert servers[0][0].wait(30) == 0, "SIGTERM ends it well"
        for process, _ in servers:
            process.kill()
            process.wait()
    meanwhile.join()
    written = ingest_labels(spark, *places)
    assert written.num_refused == 0
    ids = [row[0] for row in spark.read.format("delta").load(str(tmp_path / "labels")).select("label_id").collect()]
    saved = [label_id for poster in posters for label_id in poster.saved]
    assert num_kills == 3 and len(saved) == 640
    assert sorted(ids) == sorted(saved)


@pytest.fixture(scope="module")
def tables(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Items, a queue of three of them, and predictions with an older one and one that failed."""
    folder = tmp_path_factory.mktemp("page")

    def write(name: str, rows: list[Any], schema: str) -> None:
        spark.createDataFrame(rows, schema).coalesce(1).write.format("delta").save(str(folder / name))

    contents = [(f"k{number}", bytearray(f"content {number}".encode())) for number in range(6)]
    write("items", [*contents, ("k9", None), (None, bytearray(b"x"))], "key string, content binary")
    write("queue", [("k4", 2), ("k1", 7), ("k0", 5), ("gone", 1)], "item_key string, position bigint")
    scored = [
        ("k4", "cat", 0.6, None, "2026-01-02"),
        ("k4", "dog", 0.9, None, "2026-01-01"),
        ("k1", "dog", 0.8, "broken", "2026-01-02"),
        ("k0", "cow", 0.7, None, "2026-01-02"),
    ]
    write("scores", scored, "key string, label string, probability double, error string, scored_at string")
    yield folder


def configure(folder: Path, **page: Any) -> LabelConfig:
    """A project over the tables."""
    values = {"items": str(folder / "items"), "port": 0, **page}
    queue = {"table": str(folder / "queue")}
    return LabelConfig.model_validate(
        {"table": str(folder / "labels"), "task": "classes", "classes": CLASSES, "queue": queue, "page": values}
    )


def load(spark: SparkSession | None, label: LabelConfig) -> list[tuple[PageItem, bytes | None]]:
    """The items that a page would show, with their contents."""
    assert label.page is not None
    items = load_items(spark, label.page, label)
    found = [(item, items.read_content(position)) for position, item in enumerate(items.list_items())]
    items.close()
    return found


def test_items_of_tables(spark: SparkSession, tables: Path) -> None:
    queued = load(spark, configure(tables, suggestions=str(tables / "scores")))
    assert [(item.key, content) for item, content in queued] == [
        ("k4", b"content 4"),
        ("k0", b"content 0"),
        ("k1", b"content 1"),
    ]
    assert [item.suggestion.labels for item, _ in queued] == [(("cat", 0.6),), (), ()]
    mixed = load(spark, configure(tables, order="mixed"))
    assert sorted(item.key for item, _ in mixed) == [f"k{number}" for number in range(6)]
    assert [item.key for item, _ in mixed] != sorted(item.key for item, _ in mixed)
    first = load(spark, configure(tables, order="mixed", max_items=2))
    assert [item.key for item, _ in first] == [item.key for item, _ in mixed][:2]
    texts = load(spark, configure(tables, order="mixed", shows="text", content="key", key="content"))
    assert sorted(content or b"" for _, content in texts)[:2] == [b"k0", b"k1"]


@pytest.mark.matrix
def test_a_label_goes_into_the_table_and_its_item_does_not_come_again(spark: SparkSession, tables: Path) -> None:
    label = configure(tables)
    told: list[str] = []
    stopped = threading.Event()
    arguments = (spark, label, str(tables / "inbox"))
    settings = {"told": told.append, "stopped": stopped, "name": "ada"}
    serving = threading.Thread(target=serve_labels, args=arguments, kwargs=settings)
    serving.start()
    while not told:
        assert serving.is_alive()
        time.sleep(0.05)
    assert told[0].endswith("&name=ada")
    label_id = str(uuid.uuid4())
    post_label(told[0], label_id, "k4", "ada")
    stopped.set()
    serving.join(60)
    (row,) = read_latest(spark, label.table).collect()
    assert (row["label_id"], row["item_key"], row["labels"], row["source"]) == (label_id, "k4", ["cat"], "human")
    assert [item.key for item, _ in load(spark, label)] == ["k0", "k1"]
    again = load(spark, configure(tables, annotations_per_item=2))
    assert [(item.key, set(item.annotators)) for item, _ in again] == [("k4", {"ada"}), ("k0", set()), ("k1", set())]
    model = make_event("k0").model_copy(update={"source": "model"})
    append_labels(spark, label.table, [model, *(make_event(key) for key in ("k1",))])
    assert [item.key for item, _ in load(spark, label)] == ["k0"], "a model's label is none of a person"
    append_labels(spark, label.table, [make_event("k0")])
    fewer = label.model_copy(update={"classes": tuple(name for name in CLASSES if name != "cat")})
    assert len(load(spark, fewer)) == 3, "what was said of all of them is no class any more"
    with pytest.raises(DataError, match="nothing is left to label: every item has labels of 1"):
        load(spark, label)


@pytest.mark.parametrize(
    ("page", "why"),
    [
        ({"items": "absent/table"}, "absent/table does not exist"),
        ({"key": "id"}, "has no column 'id'"),
        ({"content": "key", "key": "content"}, "column 'key' is string, not the bytes of encoded images"),
        ({"suggestions": "absent/scores"}, "label.page.suggestions absent/scores does not exist"),
        ({"suggestions_key": "id", "suggestions": "scores"}, "has no column 'id'"),
        ({"items_format": "folder"}, "holds no file that ends in"),
    ],
)
def test_what_cannot_be_shown_is_told(spark: SparkSession, tables: Path, page: dict[str, Any], why: str) -> None:
    if page.get("suggestions") == "scores":
        page = page | {"suggestions": str(tables / "scores")}
    with pytest.raises(DataError, match=why):
        load(spark, configure(tables, **page))


def test_tables_need_spark_and_queues_a_table(spark: SparkSession, tables: Path) -> None:
    with pytest.raises(ConfigError, match="which Spark reads"):
        load(None, configure(tables))
    label = configure(tables)
    queue = {"table": str(tables / "no_queue")}
    with pytest.raises(DataError, match="run `dbx-dl label queue`"):
        load(spark, LabelConfig.model_validate({**label.model_dump(), "queue": queue}))
