"""Images and texts measured in batches: what can be read has numbers, what cannot has null."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from dbx_dl.contracts import ImageSpec, TextFeature
from dbx_dl.distributions.file_measures import FILE_COLUMN, _measure_image, _measure_texts, make_measurer
from tests.image_bytes import encode_pixels


def test_measured_columns_take_the_place_of_the_file() -> None:
    spec = ImageSpec(height=4, width=4, channels=1)
    good = encode_pixels(np.full((4, 4), 100, np.uint8))
    batch = pa.RecordBatch.from_pydict({"window": ["a", "b", "c"], FILE_COLUMN: [good, b"none", None]})

    def measure(column: pa.Array) -> list[dict[str, Any]]:
        return [_measure_image(data.as_py(), spec) for data in column]

    names = {"m1": "brightness", "m0": "format", "m2": "hash"}
    (found,) = make_measurer(["window"], names, measure)([batch])
    assert found.schema.names == ["window", "m1", "m0", "m2"]
    assert found.to_pydict() == {
        "window": ["a", "b", "c"],
        "m1": [100.0, None, None],
        "m0": ["PNG", None, None],
        "m2": [0, None, None],
    }


def test_texts_have_lengths_and_unknown_words() -> None:
    text = TextFeature(column="t", pattern=r"\w+", max_length=4, vocabulary=("good", "film"))
    column = pa.array(["a Good film with a long tail", "", None, "good"])
    found = _measure_texts(column, text, frozenset(text.vocabulary))
    assert found == [
        {"length": 7, "unknown_share": 5 / 7},
        {"length": 0, "unknown_share": None},
        {},
        {"length": 1, "unknown_share": 0.0},
    ]
    assert _measure_texts(column.slice(0, 0), text, frozenset()) == []
