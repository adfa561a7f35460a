"""Which choices of monitoring go together, and what is told of those that do not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from dbx_dl.config.monitor import MonitorConfig
from dbx_dl.config.windows import WindowsConfig


def test_a_run_without_the_section_is_watched_whole() -> None:
    config = MonitorConfig()
    assert config.windows.by == "whole" and config.retrain.areas == ("drift", "quality")


def test_moments_without_an_offset_are_of_utc() -> None:
    config = WindowsConfig.model_validate({"by": "time", "since": "2026-01-02", "until": "2026-01-03T00:00:00+01:00"})
    assert config.since == datetime(2026, 1, 2, tzinfo=UTC) and config.until == datetime(2026, 1, 2, 23, tzinfo=UTC)


def test_defaults_may_be_written_down() -> None:
    assert WindowsConfig.model_validate({"by": "commits", "hours": 24, "column": "scored_at"}).by == "commits"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"hours": 1}, "`hours` goes with `by: time`, not with `by: whole`"),
        ({"by": "commits", "first_version": 3}, "`first_version` goes with `by: versions`"),
        ({"by": "versions"}, "needs `first_version`"),
        ({"by": "versions", "first_version": 4, "last_version": 3}, "4 comes after `last_version` 3"),
        ({"by": "time", "since": "2026-01-02", "until": "2026-01-02"}, "must be before"),
        ({"by": "time", "hours": 0}, "greater than 0"),
        ({"by": "day"}, "Input should be"),
    ],
)
def test_windows_that_do_not_go_together_are_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        WindowsConfig.model_validate(changes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"baseline_version": 2}, "goes with `baseline`"),
        ({"source": "a", "table": "a"}, "need a table of their own"),
        ({"areas": []}, "at least 1 item"),
        ({"areas": ["price"]}, "Input should be"),
    ],
)
def test_sections_that_do_not_fit_are_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        MonitorConfig.model_validate(changes)
