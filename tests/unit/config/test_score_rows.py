"""Which choices of rows and writing go together, and what is told of those that do not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from dbx_dl.config import ScoreConfig

VALUES = {"source": "s", "source_format": "delta", "model": "m", "table": "t"}


def parse(**changes: Any) -> ScoreConfig:
    return ScoreConfig.model_validate({**VALUES, **changes})


def test_the_writer_follows_the_mode() -> None:
    assert [parse().writer, parse(mode="incremental").writer, parse(write="merge").writer] == [
        "replace",
        "merge",
        "merge",
    ]
    assert parse(write="append", stream={"checkpoint": "c"}).writer == "append"


def test_a_stream_ends_or_goes_on() -> None:
    given = [parse(stream={"checkpoint": "c", **more}).stream for more in ({}, {"trigger": "continuous"})]
    assert [stream.seconds_between for stream in given if stream] == [None, 10]


def test_moments_may_be_dates() -> None:
    assert parse(source_timestamp="2026-01-02").source_timestamp == datetime(2026, 1, 2)
    assert parse(source_timestamp="2026-01-02T03:00:00Z").source_timestamp == datetime(2026, 1, 2, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"source_version": 1, "source_timestamp": "2026-01-02"}, "not both"),
        ({"mode": "incremental", "write": "replace"}, "use merge"),
        ({"write": "append"}, "needs `mode: incremental`"),
        ({"source_version": -1}, "greater than or equal to 0"),
        ({"where": ""}, "at least 1 character"),
        ({"stream": {}}, "Field required"),
        ({"stream": {"checkpoint": ""}}, "at least 1 character"),
    ],
)
def test_what_does_not_go_together_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        parse(**changes)
