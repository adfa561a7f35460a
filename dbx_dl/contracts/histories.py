"""What recommendations are made from and of: fitted specs of users, of what they bought, and of items."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dbx_dl.contracts.contract import Contract
from dbx_dl.contracts.flat_row import FlatRow

# Between the items of a row, where they are one text.
SEPARATOR = "\x1f"


class IdFeature(Contract):
    """A column of names, of users or of what they belong to, as ids: 1 + i for `vocabulary[i]`, 0 for all others."""

    kind: Literal["id"] = "id"
    column: str
    vocabulary: tuple[str, ...]


class HistoryFeature(Contract):
    """An array of items, oldest first, which become the ids of the last `max_length`, newest first.

    Id 0 is padding behind the oldest one, 1 an item that is not in the vocabulary, 2 + i is `vocabulary[i]`. Nulls and
    empty names are left out. In a graph the items of a row are one text, with `SEPARATOR` between them.
    """

    kind: Literal["history"] = "history"
    column: str
    max_length: int = Field(gt=0)
    vocabulary: tuple[str, ...]

    @property
    def num_tokens(self) -> int:
        """How many different ids there are, padding included."""
        return len(self.vocabulary) + 2


class HistorySpec(FlatRow):
    """The fitted encoding of a user and a history into int32 ids (N, U + max_length): U of columns, then of items.

    Columns of users share one range of ids: 0 is unknown in each, and those of a column begin behind those of the one
    before.
    """

    kind: Literal["history"] = "history"
    users: tuple[IdFeature, ...]
    history: HistoryFeature

    @property
    def features(self) -> tuple[IdFeature | HistoryFeature, ...]:
        """The columns of users, and the history last."""
        return (*self.users, self.history)

    @property
    def num_encoded(self) -> int:
        """Ids of a row."""
        return len(self.users) + self.history.max_length

    @property
    def num_user_ids(self) -> int:
        """How many different ids columns of users have together, the unknown one included."""
        return 1 + sum(len(user.vocabulary) for user in self.users)

    @property
    def columns(self) -> tuple[str, ...]:
        """Raw column names, in the order of the model's inputs."""
        return tuple(feature.column for feature in self.features)

    @property
    def row_dtype(self) -> str:
        """Element type of it."""
        return "int32"


class ItemColumn(Contract):
    """What is known of every item: `ids` has for each label name 1 + its place in `vocabulary`, 0 for none."""

    column: str
    vocabulary: tuple[str, ...]
    ids: tuple[int, ...]


class Ranking(Contract):
    """How items are recommended: the `top_k` best ones, without those of the history where it `excludes_seen`.

    `item_columns` say what is known of the items.
    """

    top_k: int = Field(default=10, gt=0)
    excludes_seen: bool = True
    item_columns: tuple[ItemColumn, ...] = ()
