"""The kind of a column, from what a survey of its values counted."""

from __future__ import annotations

from typing import Any

import pytest

from dbx_dl.prepare.tabular.column_kinds import infer_kind
from dbx_dl.prepare.tabular.source_survey import ColumnSurvey

WORDS: dict[str, Any] = {"family": "text", "num_values": 9, "not_boolean": 9, "not_number": 9, "not_datetime": 9}
SURVEYS: dict[str, tuple[dict[str, Any], str | None]] = {
    "words": (WORDS, "categorical"),
    "yes and no": (WORDS | {"not_boolean": 0}, "boolean"),
    "one that is neither": (WORDS | {"not_boolean": 1}, "categorical"),
    "numbers": (WORDS | {"not_number": 0}, "numeric"),
    "one that is no number": (WORDS | {"not_number": 1}, "categorical"),
    "numbers beyond 2^53": (WORDS | {"not_number": 0, "large_integers": 1}, "categorical"),
    "dates": (WORDS | {"not_datetime": 0}, "datetime"),
    "one that is no date": (WORDS | {"not_datetime": 1}, "categorical"),
    "no values": (WORDS | {"num_values": 0, "not_boolean": 0, "not_number": 0, "not_datetime": 0}, "categorical"),
    "integers": ({"family": "integer"}, "numeric"),
    "integers beyond 2^53": ({"family": "integer", "large_integers": 1}, "categorical"),
    "doubles": ({"family": "number"}, "numeric"),
    "flags": ({"family": "boolean"}, "boolean"),
    "timestamps": ({"family": "datetime"}, "datetime"),
    "vectors": ({"family": "numbers", "sizes": (3, 3, 3)}, "embedding"),
    "ragged vectors": ({"family": "numbers", "sizes": (2, 3, 3)}, None),
    "empty vectors": ({"family": "numbers", "sizes": (0, 0, 0)}, None),
    "null vectors": ({"family": "numbers"}, None),
    "lists of words": ({"family": "texts"}, None),
    "structs": ({"family": "other"}, None),
}


@pytest.mark.parametrize("name", SURVEYS)
def test_kinds(name: str) -> None:
    values, expected = SURVEYS[name]
    found = infer_kind(ColumnSurvey(**values))
    assert (found and found.kind) == expected


def test_embeddings_get_their_size() -> None:
    found = infer_kind(ColumnSurvey(family="numbers", sizes=(3, 3, 3)))
    assert found is not None
    assert found.model_dump() == {"kind": "embedding", "size": 3, "scale": "none"}
