"""How interactions of users with items become rows to recommend from."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from dbx_dl.config.section import Section

# Columns that rows have beside the interactions' own.
HISTORY, AT, POPULARITY_RANK, LAST_OUT = "history", "at", "popularity_rank", "last_out"
# A batch keeps 8 ids of a row at least: the user, these columns, and one item.
MAX_USER_COLUMNS = 6
_ADDED = {HISTORY, AT, POPULARITY_RANK, LAST_OUT, "label", "label_index", "split"}


class InteractionsConfig(Section):
    """A source of interactions: a row for each time that `user` chose (bought, opened) `item`, at `time`.

    Each becomes a row to learn from: `history` has the up to `max_history` items that the user chose at earlier times,
    oldest first, and the item is its label; those of one time are in an order that means nothing. Rows of a user's last
    time are for the test split, those of the time before for validation and all earlier ones for training; users with
    rows of fewer than three times are in training only. With `exclude_seen` items of the history are not recommended,
    and rows of an item that is in it are left out. Items of fewer than `min_item_count` training rows are left out, and
    users of fewer than `min_user_count` interactions.

    `user_columns` tell what a user belongs to at that time (a region, a segment), `item_columns` what an item is (a
    category, a price band); all are categories. Of users, and of each of their columns, the 200,000 most frequent
    values of the training rows are known. `popularity_rank` is the place of the item among the most often chosen ones
    of the training rows, without those of the history where seen items are excluded: the baseline.
    """

    user: str
    item: str
    time: str
    user_columns: tuple[str, ...] = Field(default=(), max_length=MAX_USER_COLUMNS)
    item_columns: tuple[str, ...] = ()
    max_history: int = Field(default=50, gt=0, le=1000)
    min_item_count: int = Field(default=1, gt=0)
    min_user_count: int = Field(default=1, gt=0)
    exclude_seen: bool = True

    @property
    def columns(self) -> tuple[str, ...]:
        """All that a source must have."""
        return (self.user, self.item, self.time, *self.user_columns, *self.item_columns)

    @model_validator(mode="after")
    def _is_sound(self) -> Self:
        own = [name.lower() for name in self.columns]
        twice = [name for place, name in enumerate(own) if name in own[:place]]
        if twice:
            raise ValueError(f"{twice[0]!r} is named twice among user, item, time, user_columns and item_columns")
        taken = _ADDED & {name.lower() for name in (self.user, *self.user_columns)}
        if taken:
            raise ValueError(f"{min(taken)!r} is a column that rows have themselves: rename it")
        return self

    def require_histories_alone(self) -> None:
        """ValueError where something is named that histories to score do not depend on."""
        for name in ("item_columns", "min_item_count", "min_user_count", "exclude_seen"):
            if getattr(self, name) != type(self).model_fields[name].default:
                raise ValueError(f"`interactions.{name}` is for prepare, which the model has it of: leave it out here")

    def require_new(self, key: str) -> None:
        """ValueError where the column of the rows' keys has a name that rows have already."""
        if key.lower() in _ADDED | {name.lower() for name in (self.user, *self.user_columns)}:
            raise ValueError(f"key {key!r} is a column of the rows: name a new one, which will hold their keys")
