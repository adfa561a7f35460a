"""Serves the page until it is stopped, and brings what is saved into the labels table now and then."""

from __future__ import annotations

import hashlib
import json
import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbx_dl.errors import ConfigError
from dbx_dl.label.inbox import ingest_labels
from dbx_dl.label.page.access import name_cookie
from dbx_dl.label.page.desk import Desk, find_done
from dbx_dl.label.page.inbox import InboxReader, LabelInbox
from dbx_dl.label.page.loading import load_items, shows_text
from dbx_dl.label.page.routes import PageSubject, Routes
from dbx_dl.label.page.server import PageServer, make_token
from dbx_dl.label.rules import LabelRules
from dbx_dl.runtime.databricks import mount_path
from dbx_dl.runtime.tables import absolute_path, first_line, is_path

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from dbx_dl.config.label import LabelConfig
    from dbx_dl.config.label_page import LabelPageConfig
    from dbx_dl.contracts import LabelEvent
    from dbx_dl.label.page.items import Items

logger = logging.getLogger(__name__)

# How soon a page sees what another one on the same inbox saved.
_GLANCE_SECONDS = 2.0


def serve_labels(
    spark: SparkSession | None,
    label: LabelConfig,
    inbox: str,
    *,
    told: Callable[[str], None] = print,
    name: str | None = None,
    stopped: threading.Event | None = None,
) -> int:
    """Serve the page that `label.page` describes on 127.0.0.1; returns how many label events people saved.

    It goes on until Ctrl-C, SIGTERM or `stopped`. `told` gets the link to open, with its token, and with the person's
    `name` if it is known. Labels are on disk in the folder `inbox` before the page says saved. With `spark` they go on
    into the labels table at the start, every `label.page.ingest_seconds` and at the end; where that fails they stay in
    the inbox. Without it only the files of a folder can be labelled, and `ingest_labels` is for later.

    ConfigError without `label.page` or classes; SetupError when the port cannot be had; DataError when items or
    suggestions cannot be read, or nothing is left to label.
    """
    page = label.page
    if page is None:
        raise ConfigError("label.page is not given: add one with `items`, what people are to label")
    if not label.classes:
        raise ConfigError("label.classes is empty: name the classes that the page offers")
    folder = _find_folder(inbox)
    # Before Spark works for minutes: a port that is taken is told at once.
    server, writer = PageServer(page.port), LabelInbox(folder)
    watch = _Watch(spark, label, writer)
    items: Items | None = None
    try:
        watch.ingest()
        items = load_items(spark, page, label, watch.find_done(page.annotations_per_item) if spark is None else ())
        desk = _open_desk(items, writer, page)
        watch.glance(desk)
        token = make_token()
        cookie_name = name_cookie(server.port)
        server.start(Routes(_describe(page, label), items, desk, token=token, cookie_name=cookie_name).answer)
        told(server.write_link(token, name))
        with _stopping_by_signals(stopped or threading.Event()) as event:
            watch.go_on(desk, event, page.ingest_seconds)
    finally:
        server.stop()
        writer.close()
        if items is not None:
            items.close()
    watch.ingest()
    return writer.num_written


class _Watch:
    """What goes on beside the page: labels of other pages come in, and all of them go into the table."""

    def __init__(self, spark: SparkSession | None, label: LabelConfig, writer: LabelInbox) -> None:
        self._spark, self._label, self._writer = spark, label, writer
        self._folder, self._rules = writer.folder, LabelRules.of(label)
        self._reader = InboxReader(self._folder, own=writer)
        self._has_news = True
        self._num_ingested = 0

    def find_done(self, annotations_per_item: int) -> set[str]:
        """Keys of items with labels of so many people in the inbox."""
        return find_done(filter(self._is_ours, InboxReader(self._folder).read_new()), annotations_per_item)

    def glance(self, desk: Desk) -> None:
        """Take note of what others saved since the last time."""
        events = list(self._reader.read_new())
        self._has_news |= bool(events)
        desk.take_in(filter(self._is_ours, events))

    def _is_ours(self, event: LabelEvent) -> bool:
        """Whether the labels table takes the event: one of a class that is no more does not make an item done."""
        return self._rules.find_problem(event) is None

    def go_on(self, desk: Desk, stopped: threading.Event, ingest_seconds: float) -> None:
        """Until it is stopped."""
        ingested = time.monotonic()
        while not stopped.wait(_GLANCE_SECONDS):
            self.glance(desk)
            if time.monotonic() - ingested >= ingest_seconds:
                self.ingest()
                ingested = time.monotonic()

    def ingest(self) -> None:
        """Bring the inbox into the labels table; where that fails, it is tried again later and nothing is lost."""
        num_written = self._writer.num_written
        if self._spark is None or not (self._has_news or num_written > self._num_ingested):
            return
        try:
            ingest_labels(self._spark, str(self._folder), self._label.table, self._rules)
        except Exception as error:
            reason = f"{first_line(error)}; they are kept in {self._folder}, and `dbx-dl label ingest` takes them in"
            logger.warning("labels could not be brought into %s: %s", self._label.table, reason)
        else:
            self._has_news, self._num_ingested = False, num_written


def _open_desk(items: Items, writer: LabelInbox, page: LabelPageConfig) -> Desk:
    return Desk(
        items.list_items(),
        writer,
        annotations_per_item=page.annotations_per_item,
        lease_seconds=page.lease_minutes * 60,
    )


def _describe(page: LabelPageConfig, label: LabelConfig) -> PageSubject:
    place = absolute_path(label.table) if is_path(label.table) else label.table
    return PageSubject(
        title=Path(place).name if is_path(label.table) else label.table,
        project_id=hashlib.sha256(json.dumps([place, label.task]).encode()).hexdigest()[:16],
        task=label.task,
        classes=label.classes,
        is_text=shows_text(page, label),
        annotations_per_item=page.annotations_per_item,
    )


def _find_folder(inbox: str) -> Path:
    place = mount_path(absolute_path(inbox))
    if not place.startswith("/"):
        raise ConfigError(f"the inbox {inbox} must be a folder of this machine: labels are synced to its disk")
    return Path(place)


@contextmanager
def _stopping_by_signals(stopped: threading.Event) -> Iterator[threading.Event]:
    """Ctrl-C and SIGTERM stop the page, where this is the main thread; a second one has its usual effect."""
    if threading.current_thread() is not threading.main_thread():
        yield stopped
        return

    def stop(number: int, frame: Any) -> None:
        del frame
        signal.signal(number, before[signal.Signals(number)])
        stopped.set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
