"""Windows that are cut another way are other windows, even where they start together."""

from __future__ import annotations

from typing import Any

import pytest

from dbx_dl.config.windows import WindowsConfig
from dbx_dl.monitor.findings_table import name_cut


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"by": "commits"}, "commits"),
        ({"by": "time"}, "time"),
        ({"by": "time", "hours": 168}, "time-168.0h"),
        ({"by": "time", "column": "ordered_at"}, "time-ordered_at"),
        ({"by": "time", "hours": 0.5, "column": "at"}, "time-0.5h-at"),
    ],
)
def test_a_cut_has_a_name(changes: dict[str, Any], name: str) -> None:
    assert name_cut(WindowsConfig.model_validate(changes)) == name


def test_columns_of_any_name_differ() -> None:
    one, two = (name_cut(WindowsConfig(by="time", column=column)) for column in ("ordered at", "it's"))
    assert one != two and len(one) == len(two) == len("time-") + 12
