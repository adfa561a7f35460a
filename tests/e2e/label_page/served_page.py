"""A page that is really served, in threads of the test, over files with suggestions of the test's choice."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dbx_dl.contracts import LabelEvent, LabelTask
from dbx_dl.label.page.access import name_cookie
from dbx_dl.label.page.desk import Desk
from dbx_dl.label.page.folder_items import FolderItems
from dbx_dl.label.page.inbox import InboxReader, LabelInbox
from dbx_dl.label.page.items import PageItem, read_suggestion
from dbx_dl.label.page.routes import PageSubject, Routes
from dbx_dl.label.page.server import PageServer, make_token


class ServedPage:
    """Its files are written first: `contents` by name, given out in that order."""

    def __init__(
        self,
        folder: Path,
        *,
        task: LabelTask,
        classes: tuple[str, ...],
        contents: Mapping[str, bytes],
        suggestions: Mapping[str, Any] | None = None,
        annotations_per_item: int = 1,
    ) -> None:
        self.folder = folder
        for name, content in contents.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        is_text = task == "text_classes"
        self._subject = PageSubject("things", "test", task, classes, is_text, annotations_per_item)
        suggested = suggestions or {}
        self._items = FolderItems(
            folder, [PageItem(name, read_suggestion(task, suggested.get(name), None, classes)) for name in contents]
        )
        self.port = 0
        self.start()

    def start(self) -> None:
        """Serve, with a new token; after `stop` on the same port again."""
        self._inbox = LabelInbox(self.folder / "inbox")
        self.desk = Desk(self._items.list_items(), self._inbox, annotations_per_item=self._subject.annotations_per_item)
        self.desk.take_in(InboxReader(self._inbox.folder).read_new())
        self._server = PageServer(self.port)
        self.port, token = self._server.port, make_token()
        routes = Routes(self._subject, self._items, self.desk, token=token, cookie_name=name_cookie(self.port))
        self._server.start(routes.answer)
        self.link = self._server.write_link(token, None)

    def stop(self) -> None:
        """Serve no more."""
        self._server.stop()
        self._inbox.close()

    def read_events(self) -> list[LabelEvent]:
        """What is on disk."""
        return list(InboxReader(self.folder / "inbox").read_new())
