"""Hashes of inputs without Spark: options that decide predictions count, others do not."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from dbx_dl.config import ScoreOptions
from dbx_dl.score.columnar.input_hashes import hash_rows
from dbx_dl.score.tables.input_hash import digest_options
from tests.prepared_tables import SPEC
from tests.unit.score.columnar.test_xxhash64 import hash_plainly

ROWS = pa.RecordBatch.from_pydict({"x": [1.5, None], "y": [2.0, 3.0], "colour": ["red", None]})
DECIDING: tuple[dict[str, Any], ...] = (
    {"inputs": {"x": ["a", "b"]}},
    {"inputs": {"x": ["b", "a"]}},
    {"image": {}},
    {"image": {"layout": "nchw"}},
    {"image": {"layout": "nchw", "scale": 0.5}},
    {"missing": "nan"},
    {"scores": "logits"},
    {"labels": ["p", "q"]},
    {"labels": ["q", "p"]},
    {"activation": "softmax"},
    {"activation": "sigmoid"},
    {"top_k": 2},
    {"top_k": 3},
    {"probability_of": "p"},
    {"multilabel": True},
    {"probabilities": "map"},
)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"top_k": None, "labels": [], "activation": "none"},
        {"batch_rows": 7, "batch_bytes": 99, "num_threads": 2, "providers": ["cuda", "cpu"]},
        {"gpu_memory_bytes": 5, "max_error_fraction": 0.5, "fields": ["label"]},
    ],
)
def test_what_changes_no_prediction_changes_no_hash(options: dict[str, Any]) -> None:
    assert digest_options(ScoreOptions.model_validate(options)) is None


def test_options_that_decide_are_told_apart() -> None:
    digests = [digest_options(ScoreOptions.model_validate(options)) for options in DECIDING]
    assert None not in digests and len(set(digests)) == len(DECIDING)


def test_a_digest_is_one_more_number_of_every_row() -> None:
    digest = -(2**62) - 5
    plain, known = hash_rows(ROWS, SPEC, {}), hash_rows(ROWS, SPEC, {}, digest)
    word = (digest % 2**64).to_bytes(8, "little")
    expected = [hash_plainly(word, value % 2**64) for value in plain.to_pylist()]
    assert [value % 2**64 for value in known.to_pylist()] == expected
