"""Which rows are scored, how their predictions join the table, and how a stream goes on."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, Self

from pydantic import Field, model_validator

from dbx_dl.config.section import Section

WriteMode = Literal["replace", "merge", "append"]


class StreamConfig(Section):
    """A stream of scores: `checkpoint` is a folder of its own that remembers what was scored.

    `trigger`: `available_now` scores all that is there and ends; `continuous` looks again every `interval_seconds` (0:
    at once) until it is stopped.
    """

    checkpoint: str = Field(min_length=1)
    trigger: Literal["available_now", "continuous"] = "available_now"
    interval_seconds: float = Field(default=10, ge=0)

    @property
    def seconds_between(self) -> float | None:
        """Seconds between looks; None for a stream that ends."""
        return self.interval_seconds if self.trigger == "continuous" else None


class ScoreRowsConfig(Section):
    """The part of `score` that chooses rows and a way of writing.

    `mode` whole scores every row, incremental those that this model version (by SHA-256) has not scored yet or whose
    input changed since. `source_version` or `source_timestamp` (without offset: UTC) pin a Delta source; `where` is a
    SQL condition on the source's columns: only rows within it are scored.

    `write` replace makes the table anew, merge puts predictions by key, append adds them and keeps earlier ones;
    without it, replace for whole and merge for incremental. `deleted_rows` says which predictions a merge takes out:
    remove, those whose key the source has no more; a row that is outside of `where`, or leaves it, keeps the last one
    that it had, so that parts of a source can be scored one after the other into one table. remove_outside_where,
    also those: the table is then what scoring anew with this `where` would give. keep, none.

    Only incremental jobs and streams store a hash of each row's inputs. An incremental job that follows a whole one,
    and has no change feed to go by, scores all rows once more.
    """

    mode: Literal["whole", "incremental"] = "whole"
    source_version: int | None = Field(default=None, ge=0)
    source_timestamp: datetime | None = None
    where: str | None = Field(default=None, min_length=1)
    write: WriteMode | None = None
    deleted_rows: Literal["remove", "remove_outside_where", "keep"] = "remove"
    stream: StreamConfig | None = None

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.source_version is not None and self.source_timestamp is not None:
            raise ValueError("give `source_version` or `source_timestamp`, not both")
        if self.mode == "incremental" and self.write == "replace":
            raise ValueError("`write: replace` would drop what `mode: incremental` does not score again: use merge")
        if self.mode == "whole" and self.write == "append" and self.stream is None:
            raise ValueError("`write: append` needs `mode: incremental`, so that a second run adds nothing twice")
        return self

    @property
    def writer(self) -> WriteMode:
        """How predictions join the table, also where `write` is not given."""
        return self.write or ("merge" if self.mode == "incremental" else "replace")

    @property
    def has_input_hashes(self) -> bool:
        """Whether predictions say which inputs they are of, which costs a fifth of scoring many columns."""
        return self.mode == "incremental" or self.stream is not None
