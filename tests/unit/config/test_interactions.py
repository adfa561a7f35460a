"""What interactions may say, and what goes with them."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from dbx_dl.config import PrepareTableConfig, ScoreConfig

INTERACTIONS: dict[str, Any] = {"user": "who", "item": "what", "time": "when"}
PREPARE: dict[str, Any] = {"source": "s", "table": "t", "key": "id", "label": "what", "interactions": INTERACTIONS}
SCORE: dict[str, Any] = {
    "source": "s",
    "source_format": "csv",
    "model": "m",
    "table": "t",
    "key": "who",
    "interactions": INTERACTIONS,
}


def test_sound_sections_pass_and_can_be_written() -> None:
    config = PrepareTableConfig.model_validate(PREPARE)
    assert PrepareTableConfig.model_validate(config.model_dump(mode="json")) == config
    assert ScoreConfig.model_validate(SCORE).interactions == config.interactions


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"label": "kind"}, r"label 'kind' must be `interactions.item`, 'what'"),
        ({"split": {"time": "when"}}, "say themselves what `split` is for: leave it out"),
        ({"columns": {"town": "categorical"}}, "say themselves what `columns` is for"),
        ({"key": "History"}, "key 'History' is a column of the rows"),
        ({"key": "who"}, "key 'who' is a column of the rows"),
        ({"max_categories": 9}, "say themselves what `max_categories` is for"),
        ({"interactions": INTERACTIONS | {"item_columns": ["Who"]}}, "'who' is named twice"),
        ({"interactions": INTERACTIONS | {"user": "at"}}, "'at' is a column that rows have themselves"),
    ],
)
def test_what_does_not_go_with_interactions_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        PrepareTableConfig.model_validate(PREPARE | changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"key": "id"}, r"key 'id' must be `interactions.user`, 'who'"),
        ({"mode": "incremental"}, "`interactions` go with `mode: whole`"),
        ({"source_format": "images"}, "`interactions` go with rows"),
        ({"source_format": "audio"}, "`interactions` go with rows"),
        *(
            ({"interactions": INTERACTIONS | change}, f"`interactions.{next(iter(change))}` is for prepare")
            for change in (
                {"exclude_seen": False},
                {"min_item_count": 2},
                {"min_user_count": 2},
                {"item_columns": ["kind"]},
            )
        ),
        ({"interactions": None, "max_reject_fraction": 0.1}, "`max_reject_fraction` goes with `interactions`"),
    ],
)
def test_what_does_not_go_with_scored_users_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        ScoreConfig.model_validate(SCORE | changes)
