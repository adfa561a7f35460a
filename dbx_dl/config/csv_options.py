"""How CSV files are written."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Self

from pydantic import Field, model_validator

from dbx_dl.config.section import Section


class CsvOptions(Section):
    """How CSV files are written; without a header columns are named by `names`, else c0, c1, …

    `delimiter` stands between values, `quote` around those that hold one.
    Lines that start with `comment` are skipped, as are empty ones. `files` are those to read below the source, a
    folder, which otherwise is read whole.

    `key_column` adds a column of that name to rows that have no key: 32 hexadecimal digits that depend on nothing but
    the row's text and its file's name in `files`; of equal rows the second one's has `-2` at its end, and so on. So a
    key stays when rows come, go or change places, and a row that is changed in any column is another row. Equal rows
    are in one split.
    """

    delimiter: str = Field(default=",", min_length=1)
    quote: str = Field(default='"', min_length=1, max_length=1)
    header: bool = True
    names: tuple[str, ...] = ()
    comment: str | None = Field(default=None, min_length=1, max_length=1)
    files: tuple[str, ...] = ()
    key_column: str | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _is_sound(self) -> Self:
        if self.names and self.header:
            raise ValueError("`names` go with `header: false`: a header names the columns itself")
        for option, given in (("names", self.names), ("files", self.files)):
            twice = [name for i, name in enumerate(given) if name in given[:i]]
            if twice or "" in given:
                raise ValueError(f"`{option}` holds {twice[0]!r} twice" if twice else f"`{option}` holds an empty name")
        outside = [name for name in self.files if name.startswith("/") or ".." in PurePosixPath(name).parts]
        if outside:
            raise ValueError(f"`files` lie below the source, {outside[0]!r} does not: name it by its path from there")
        if self.comment is not None and self.comment in (self.quote, self.delimiter):
            raise ValueError(f"`comment` {self.comment!r} is the quote or the delimiter too: they must differ")
        return self
