"""Where the truth about rows that were scored comes from, once it is known."""

from __future__ import annotations

from pydantic import Field

from dbx_dl.config.section import NULL_TOKENS, Section


class LateLabelsConfig(Section):
    """A Delta table (path or name) with the truth about rows that were scored before, one row for each label given.

    `key` is the column with the key of the predictions (several columns: as `score.key`), which stands for one outcome:
    what is predicted for a customer each month needs the month in its key. `label` is the column with the truth: a
    class, a number, or an array of labels. `time` is the moment from which on a label is known: the latest of a key
    counts, up to the moment of the look; of several at the same moment the one that comes last in the order of texts or
    numbers, where null comes first. A label without a moment is the earliest. A null that is the latest takes a label
    back; without `time` all labels are of one moment. What is in `null_tokens` is null too, unless it is one of the
    model's labels.
    """

    table: str = Field(min_length=1)
    key: str | tuple[str, ...] = "key"
    label: str = Field(default="label", min_length=1)
    time: str | None = Field(default=None, min_length=1)
    null_tokens: tuple[str, ...] = NULL_TOKENS

    @property
    def key_columns(self) -> tuple[str, ...]:
        """The columns that make a row's key."""
        return (self.key,) if isinstance(self.key, str) else self.key
