"""What the page of `dbx-dl label serve` shows, and how people share the items."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from dbx_dl.config.section import Section


class LabelPageConfig(Section):
    """The page to label with.

    `items`: with `items_format: table` a Delta table or any table or view that Spark knows, with a unique `key` and a
    `content` column (encoded images, or texts); with `folder` the files below a folder of this machine, keyed by their
    relative path, as `prepare` keys them. `shows` says what items are; without it texts for the task `text_classes`,
    else images.

    `order`: `queue` shows what `dbx-dl label queue` queued, and nothing else, in its order; `mixed` shows all items, in
    an order that is the same every time. Without it the queue counts where `label.queue` is given. `suggestions` names
    a table of predictions of these items (`dbx-dl score`), keyed by `suggestions_key`: what it says is shown as a
    suggestion, which counts once confirmed.

    An item is done when so many people as `annotations_per_item` have labelled it. Whoever is at it keeps it from the
    others, for `lease_minutes` after the last sign of life, which comes every minute. One start of the page takes in
    `max_items` that are not done, and of a table's contents `max_bytes`; starting again takes the next ones. New labels
    go into the labels table every `ingest_seconds`. The page is at `port` of this machine, at any free one with 0.
    """

    items: str
    items_format: Literal["table", "folder"] = "table"
    key: str = "key"
    content: str = "content"
    shows: Literal["image", "text"] | None = None
    order: Literal["queue", "mixed"] | None = None
    suggestions: str | None = None
    suggestions_key: str = "key"
    annotations_per_item: int = Field(default=1, ge=1, le=20)
    lease_minutes: float = Field(default=5.0, ge=2, le=24 * 60)
    max_items: int = Field(default=5_000, ge=1, le=100_000)
    max_bytes: int = Field(default=2 * 2**30, ge=1)
    ingest_seconds: float = Field(default=30.0, ge=1)
    port: int = Field(default=8650, ge=0, le=65535)

    @model_validator(mode="after")
    def _key_is_not_content(self) -> Self:
        if self.key == self.content:
            raise ValueError(f"`key` and `content` are both the column {self.key!r}")
        return self
