"""Labels that are texts are asked for by their task."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from dbx_dl.config import LabelText, PrepareImagesConfig, PrepareTableConfig

TABLE: dict[str, Any] = {"source": "in.csv", "table": "t", "key": "id", "label": "y"}
IMAGES: dict[str, Any] = {"source": "photos", "table": "t", "height": 8, "width": 8}


def test_tables_and_images_take_them() -> None:
    options = {"task": "sequence", "label_text": {"max_length": 3, "joiner": ""}}
    expected = LabelText(max_length=3, joiner="")
    assert PrepareTableConfig.model_validate(TABLE | options).label_text == expected
    assert PrepareImagesConfig.model_validate(IMAGES | options).label_text == expected


@pytest.mark.parametrize(("kind", "values"), [(PrepareTableConfig, TABLE), (PrepareImagesConfig, IMAGES)])
def test_other_tasks_have_no_texts_to_cut(kind: Any, values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="`label_text` goes with `task: sequence`"):
        kind.model_validate(values | {"label_text": {}})
