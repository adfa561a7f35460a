"""Ids and probabilities become texts, and back."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from dbx_dl.contracts import Target, TextFeature
from dbx_dl.score.outputs.kinds import kind_of
from dbx_dl.score.outputs.sentences import Sentences

TEXT = TextFeature(column="label", pattern=r"\w+", max_length=3, vocabulary=("one", "two"))
# Two words and an end, three words without room for an end, an unknown one, and nothing but an end.
IDS = [[2, 3, 0], [3, 3, 2], [1, 0, 0], [0, 0, 0]]
SHARES = [[0.5, 0.5, 0.8], [0.5, 0.5, 0.5], [0.4, 0.5, 1.0], [0.9, 1.0, 1.0]]
VALUES = np.stack([np.array(IDS), np.array(SHARES)], axis=1).astype(np.float32)


def test_tokens_are_joined() -> None:
    part = Sentences("tokens", TEXT.vocabulary)
    fields = {name: array.to_pylist() for name, array in part.build(VALUES, part.fields).items()}
    assert fields["text"] == ["one two", "two two one", "<unknown>", ""]
    assert fields["tokens"] == [["one", "two"], ["two", "two", "one"], ["<unknown>"], []]
    assert fields["probability"] == pytest.approx([0.2, 0.125, 0.2, 0.9])
    assert [len(row) for row in fields["probabilities"]] == [2, 3, 1, 0]
    assert list(fields) == list(part.fields)


def test_letters_are_joined_without_a_space() -> None:
    part = Sentences("tokens", ("a", "b"), "")
    assert part.build(VALUES, part.fields)["text"].to_pylist()[:2] == ["ab", "bba"]


def test_no_rows_have_no_texts() -> None:
    part = Sentences("tokens", TEXT.vocabulary)
    assert all(len(array) == 0 for array in part.build(part.no_rows(), part.fields).values())


def test_what_was_scored_is_read_back() -> None:
    target = Target(task="sequence", column="label", text=TEXT)
    part = Sentences("tokens", TEXT.vocabulary)
    table = pa.concat_tables([pa.table(part.build(VALUES[rows], part.fields)) for rows in (slice(0, 1), slice(1, 4))])
    np.testing.assert_allclose(kind_of(target).read(table, target), VALUES, rtol=1e-6)
