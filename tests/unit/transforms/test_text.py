"""Texts become token ids as a plain reading in Python says, whatever is in them and however long they are."""

from __future__ import annotations

import re

import numpy as np
import onnx
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from dbx_dl.contracts import (
    CategoricalFeature,
    FeatureSpec,
    InputSpec,
    NumericFeature,
    TextAndColumnsSpec,
    TextFeature,
    TextSpec,
    find_text,
)
from dbx_dl.errors import ConfigError
from dbx_dl.feed.decoding import create_decoder
from dbx_dl.score.inputs.feature_binding import FeatureBinding
from dbx_dl.transforms import text as text_module
from dbx_dl.transforms.columns import TabularEncoder
from dbx_dl.transforms.tabular import build_encoder
from dbx_dl.transforms.text import TextSplitter, group_by_length

VOCABULARY = ("good", "bad", "äpfel", "isn't", "привет", "42")
PATTERN = r"[\p{L}\p{M}\p{N}_']+"


def make_spec(max_length: int = 6, lowercase: bool = True) -> TextSpec:
    feature = TextFeature(
        column="review", pattern=PATTERN, lowercase=lowercase, max_length=max_length, vocabulary=VOCABULARY
    )
    return TextSpec(text=feature)


SPEC = make_spec()
ENCODER = TabularEncoder(SPEC)


def encode(texts: list[str | None], encoder: TabularEncoder = ENCODER) -> np.ndarray:
    return encoder.encode(pa.table({"review": pa.array(texts, pa.string())}))


def encode_plainly(text: str, max_length: int = 6) -> list[int]:
    """ASCII only: words in lower case, 0 behind them, 1 for words that nobody knows."""
    words = re.findall(r"[A-Za-z0-9_']+", text)[:max_length]
    ids = [VOCABULARY.index(word.lower()) + 2 if word.lower() in VOCABULARY else 1 for word in words]
    return ids + [0] * (max_length - len(ids))


@settings(max_examples=60)
@given(st.lists(st.text(alphabet="godbaGOD'42 .,\n-_", max_size=40), max_size=5))
def test_ids_are_those_of_a_plain_reading(texts: list[str]) -> None:
    found = encode([*texts])
    assert found.dtype == np.int32 and found.shape == (len(texts), 6)
    assert found.tolist() == [encode_plainly(text) for text in texts]


def test_null_empty_and_wordless_texts_have_no_token() -> None:
    assert not encode([None, "", " .?! \n"]).any()


def test_words_beyond_ascii_have_one_id_however_they_begin() -> None:
    assert encode(["äpfel Äpfel ÄPFEL ПРИВЕТ Привет good"]).tolist() == [[4, 4, 4, 6, 6, 2]]


def test_case_counts_where_it_is_asked_for() -> None:
    assert encode(["Good good"], TabularEncoder(make_spec(lowercase=False))).tolist() == [[1, 2, 0, 0, 0, 0]]


def test_long_texts_are_cut_and_do_not_change_their_neighbours(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["bad " * 50_000, "good", None, "bad good " * 1000]
    expected = [[3] * 6, [2, 0, 0, 0, 0, 0], [0] * 6, [3, 2] * 3]
    assert encode(texts).tolist() == expected
    monkeypatch.setattr(text_module, "MAX_CELLS", 100)
    assert encode(texts).tolist() == expected


def test_groups_are_bounded_and_hold_every_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_module, "MAX_CELLS", 60)
    lengths = np.random.default_rng(1).integers(0, 30, 200)
    texts = np.array(["x" * length for length in lengths], object)
    groups = group_by_length(texts)
    assert sorted(np.concatenate(groups).tolist()) == list(range(200))
    assert all(len(group) * lengths[group].max() <= 60 or len(group) == 1 for group in groups)
    assert group_by_length(texts[:0]) == []


@pytest.mark.parametrize("opset", [18, 19, 20, 21])
def test_the_graph_takes_strings_and_is_valid(opset: int) -> None:
    model = build_encoder(SPEC, opset)
    onnx.checker.check_model(model, full_check=True)
    (taken,), (given_,) = model.graph.input, model.graph.output
    assert (taken.name, taken.type.tensor_type.elem_type) == ("review", onnx.TensorProto.STRING)
    assert given_.type.tensor_type.elem_type == onnx.TensorProto.INT32


def test_the_splitter_gives_tokens_in_lower_case() -> None:
    splitter = TextSplitter(PATTERN, lowercase=True)
    assert list(splitter.split(np.array(["It's GOOD.", ""], object))) == [["it's", "good"], []]


def test_a_pattern_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"pattern '\[a-z' cannot cut texts \(its syntax is RE2's\)"):
        TextSplitter("[a-z", lowercase=True)


BESIDE = TextAndColumnsSpec(
    text=SPEC.text,
    table=FeatureSpec(
        features=(
            NumericFeature(column="stars", fill=3, center=3, scale=2),
            CategoricalFeature(column="tone", categories=("ironic",)),
        )
    ),
)


def test_ids_stand_before_the_features_of_other_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["good bad", None, "bad " * 50]
    table = pa.table({"tone": ["ironic", "plain", None], "stars": [5.0, None, 1.0], "review": texts})
    expected = [[2, 3, 0, 0, 0, 0, 1, 0, 1], [0] * 6 + [0, 1, 0], [3] * 6 + [-1, 1, 0]]
    encoder = TabularEncoder(BESIDE)
    found = encoder.encode(table)
    assert found.dtype == np.float32 and found.tolist() == expected
    monkeypatch.setattr(text_module, "MAX_CELLS", 100)
    assert encoder.encode(table).tolist() == expected
    assert [value.name for value in build_encoder(BESIDE, 18).graph.input] == ["review", "stars", "tone"]


def test_only_a_text_alone_is_padded() -> None:
    assert create_decoder(SPEC).is_padded and not create_decoder(BESIDE).is_padded
    assert find_text(BESIDE) == find_text(SPEC) == SPEC.text and find_text(BESIDE.table) is None


@pytest.mark.parametrize("spec", [SPEC, BESIDE])
def test_rows_are_scored_beside_texts_of_their_length(spec: TextSpec | TextAndColumnsSpec) -> None:
    binding = FeatureBinding(spec)
    assert binding.has_free_lengths
    batch = pa.record_batch({"review": ["good", "bad " * 1000, None], "stars": [1.0] * 3, "tone": ["plain"] * 3})
    sizes = binding.measure_rows(batch)
    assert sizes is not None and sizes.ravel().tolist() == [0, 1, 0]


def test_a_spec_survives_json() -> None:
    assert TypeAdapter(InputSpec).validate_json(BESIDE.model_dump_json()) == BESIDE
    assert (BESIDE.row_shape, BESIDE.row_dtype, BESIDE.columns) == ((9,), "float32", ("review", "stars", "tone"))
    assert TextSpec.model_validate_json(SPEC.model_dump_json()) == SPEC
    assert (SPEC.text.num_tokens, SPEC.row_shape, SPEC.row_dtype) == (8, (6,), "int32")
