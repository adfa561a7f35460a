"""Labels that are texts become ids, as texts do that are inputs."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from dbx_dl.contracts import Target, TextFeature
from dbx_dl.errors import DataError
from dbx_dl.feed.targets import open_labels
from tests.prepared_tables import SPEC, describe

TEXT = TextFeature(column="label", pattern=r"\w+", max_length=3, vocabulary=("one", "two"))


def read(texts: list[str | None]) -> list[list[int]]:
    target = Target(task="sequence", column="label", text=TEXT)
    prepared = describe(Path("t"), 0, {"train": 1}, SPEC, ()).model_copy(update={"target": target})
    labels = open_labels(prepared)
    assert (labels.columns, labels.row_shape, labels.dtype) == (("label",), (3,), "int64")
    found = labels.read(pa.table({"label": pa.array(texts, pa.string())}), "it")
    assert found.dtype == "int64"
    return found.tolist()  # type: ignore[no-any-return]


def test_tokens_are_padded_cut_and_may_be_unknown() -> None:
    assert read(["Two one", "", "one, two, one, one", "three"]) == [[3, 2, 0], [0, 0, 0], [2, 3, 2], [1, 0, 0]]


def test_rows_without_a_text_are_refused() -> None:
    with pytest.raises(DataError, match="it has rows without label: run the prepare stage again"):
        read(["one", None])
