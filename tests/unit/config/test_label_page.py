"""What a page to label with may be."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from dbx_dl.config import LabelConfig, LabelPageConfig, QueueConfig


def test_a_page_that_shows_the_queue_has_one() -> None:
    page = LabelPageConfig(items="items", order="queue")
    with pytest.raises(ValidationError, match="needs `queue`"):
        LabelConfig(table="labels", task="classes", page=page)
    assert LabelConfig(table="labels", task="classes", page=page, queue=QueueConfig(table="queue")).page == page


def test_key_and_content_are_two_columns() -> None:
    with pytest.raises(ValidationError, match="are both the column 'content'"):
        LabelPageConfig(items="items", key="content")


@pytest.mark.parametrize("values", [{"port": -1}, {"port": 65536}, {"lease_minutes": 1.9}, {"annotations_per_item": 0}])
def test_what_makes_no_sense_is_refused(values: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        LabelPageConfig.model_validate({"items": "items", **values})
