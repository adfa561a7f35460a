"""Sources and splits that do not go together are told before anything is read."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from dbx_dl.config import PrepareTableConfig

SERIES = {"by": ["store"], "time": "day", "value": "sales", "num_lags": 7}


def prepare(**changes: Any) -> PrepareTableConfig:
    values = {"source": "sales.csv", "table": "t", "key": "window", "label": "sales", "series": SERIES}
    return PrepareTableConfig.model_validate(values | changes)


@pytest.mark.parametrize("split", [{"time": "at"}, {"group": "store"}])
def test_windows_are_split_by_the_time_that_is_forecast_or_by_series(split: dict[str, Any]) -> None:
    assert prepare(split=split).series is not None


@pytest.mark.parametrize("split", [{}, {"time": "origin"}, {"stratify": True}, {"group": "other"}])
def test_splits_that_would_let_training_see_test_labels_are_refused(split: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=r"windows of a series overlap.*set `split: {time: at}`"):
        prepare(split=split)


def test_windows_have_a_key_of_their_own() -> None:
    for key in ("store", "Store", "lags", "origin", "sales"):
        with pytest.raises(ValidationError, match=f"key '{key}' is a column of the windows"):
            prepare(key=key, split={"time": "at"})


def test_names_of_series_differ_in_more_than_case() -> None:
    with pytest.raises(ValidationError, match="'day' is named twice"):
        prepare(series=SERIES | {"known": ["Day"]}, split={"time": "at"})


def test_named_files_lie_below_the_source() -> None:
    for name in ("../x.csv", "/tmp/x.csv", "a/../../x.csv"):
        with pytest.raises(ValidationError, match="`files` lie below the source"):
            prepare(csv={"files": [name]}, series=None)
