"""The task of a label, declared or inferred, and what does not go together."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from dbx_dl.config import PrepareTableConfig
from dbx_dl.errors import DataError
from dbx_dl.prepare.tabular.source_survey import ColumnSurvey
from dbx_dl.prepare.tabular.targets import find_task, settle_classes

MANY: dict[str, Any] = {"num_values": 500, "num_distinct": 400}
FEW: dict[str, Any] = {"num_values": 500, "num_distinct": 20}
LABELS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "words": ({"family": "text", "not_number": 500} | MANY, {}, "multiclass"),
    "flags": ({"family": "boolean"} | FEW, {}, "multiclass"),
    "two words": ({"family": "text", "not_number": 500, "num_values": 500, "num_distinct": 2}, {}, "binary"),
    "few integers": ({"family": "integer"} | FEW, {}, "multiclass"),
    "many integers": ({"family": "integer"} | MANY, {}, "regression"),
    "few doubles": ({"family": "number", "not_integer": 9} | FEW, {}, "multiclass"),
    "many doubles": ({"family": "number", "not_integer": 9} | MANY, {}, "regression"),
    "many numbers as text": ({"family": "text"} | MANY, {}, "regression"),
    "nothing": ({"family": "text"}, {}, "multiclass"),
    "lists": ({"family": "texts"}, {}, "multilabel"),
    "separated": ({"family": "text", "not_number": 9} | MANY, {"label_separator": ";"}, "multilabel"),
    "declared": ({"family": "integer"} | MANY, {"task": "count"}, "count"),
    "declared lists": ({"family": "texts"}, {"task": "multilabel"}, "multilabel"),
}
REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "timestamps": ("datetime", {}, "cannot be learned"),
    "structs": ("other", {"task": "binary"}, "cannot be learned"),
    "lists of one": ("texts", {"task": "multiclass"}, "is an array, which goes with `task: multilabel`"),
    "separated lists": ("texts", {"label_separator": ";"}, "leave `label_separator` out"),
    "text without a separator": ("text", {"task": "multilabel"}, "needs the `label_separator`"),
    "separated classes": (
        "text",
        {"task": "binary", "label_separator": ";"},
        "goes with `task: multilabel`, not binary",
    ),
}


def config(**changes: Any) -> PrepareTableConfig:
    return PrepareTableConfig.model_validate({"source": "s", "table": "t", "key": "k", "label": "y", **changes})


@pytest.mark.parametrize("name", LABELS)
def test_tasks(name: str) -> None:
    survey, changes, expected = LABELS[name]
    assert find_task(config(**changes), ColumnSurvey(**survey)) == expected


def test_a_regression_says_how_to_change_it(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "dbx_dl"):
        find_task(config(), ColumnSurvey(family="integer", **MANY))
        find_task(config(), ColumnSurvey(family="integer", negatives=1, **MANY))
    assert "about 400 different numbers" in caplog.messages[0]
    assert "`task: count, or task: multiclass`" in caplog.messages[0]
    assert "`task: multiclass`" in caplog.messages[1]
    assert "count" not in caplog.messages[1]


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_go_together(name: str) -> None:
    family, changes, message = REFUSED[name]
    with pytest.raises(DataError, match=message):
        find_task(config(**changes), ColumnSurvey(family=family))  # type: ignore[arg-type]


def test_two_classes_are_binary() -> None:
    assert settle_classes("multiclass", ("a", "b"), None) == "binary"
    assert settle_classes("multiclass", ("a", "b"), "multiclass") == "multiclass"
    assert settle_classes("multiclass", ("a", "b", "c"), None) == "multiclass"
    assert settle_classes("binary", ("a", "b", "c"), None) == "multiclass"
    assert settle_classes("binary", ("a", "b"), "binary") == "binary"
    assert settle_classes("regression", (), None) == "regression"
    with pytest.raises(DataError, match=r"3 values .'a', 'b', 'c', ….*too many for `task: binary`"):
        settle_classes("binary", ("a", "b", "c"), "binary")
    with pytest.raises(DataError, match="no row has any label"):
        settle_classes("multilabel", (), None)
