"""Whether an outcome is good enough, and what the user is told when it is not."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from dbx_dl.errors import DataError
from dbx_dl.prepare.outcomes import Outcome, log_outcome, require_usable

GOOD: dict[str, Any] = {
    "split_rows": {"train": 6, "validation": 0, "test": 2},
    "class_rows": {"train": {"a": 6}, "validation": {}, "test": {"b": 2}},
    "reject_reasons": {"empty": 1, "truncated": 3},
    "reject_examples": {"empty": None, "truncated": "a/1.png"},
}


def outcome(**changes: Any) -> Outcome:
    return Outcome(**{**GOOD, **changes})


def test_counts_and_label_order() -> None:
    assert (outcome().num_good, outcome().num_rejects) == (8, 4)
    assert outcome().label_names == ("a", "b")
    assert (outcome().count_label("a"), outcome().count_label("b"), outcome().count_label("c")) == (6, 2, 0)
    require_usable(outcome(), "files", max_reject_fraction=4 / 12)


@pytest.mark.parametrize(
    ("changes", "limit", "message"),
    [
        ({}, 0.3, r"4 of 12 files are unusable.*max_reject_fraction = 0.3.*3 truncated \(e.g. a/1.png\), 1 empty$"),
        ({"split_rows": {}, "class_rows": {}}, 1.0, "none of the 4 files is usable: 3 truncated"),
        ({"class_rows": {"train": {"a": 8}}}, 1.0, "one label 'a'"),
        ({"split_rows": {"train": 0, "test": 8}}, 1.0, "none of the 8 usable files falls into the train split"),
    ],
)
def test_what_cannot_be_used_is_said(changes: dict[str, Any], limit: float, message: str) -> None:
    with pytest.raises(DataError, match=message):
        require_usable(outcome(**changes), "files", limit)


def test_a_class_without_training_rows_is_warned_about(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "dbx_dl"):
        log_outcome(outcome(), "files")
    assert [r.levelname for r in caplog.records] == ["INFO", "INFO", "WARNING"]
    assert "8 files are usable, 4 rejected" in caplog.messages[0]
    assert "'b'" in caplog.messages[2]
