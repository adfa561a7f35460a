"""The ONNX encoder equals a plain pandas reference for every kind and option, on whatever hypothesis thinks of."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dbx_dl.contracts import (
    CategoricalFeature,
    DatetimeFeature,
    EmbeddingFeature,
    FeatureSpec,
    HashedFeature,
    NumericFeature,
)
from dbx_dl.contracts.inputs import Feature
from dbx_dl.errors import DataError
from dbx_dl.transforms import columns as columns_module
from dbx_dl.transforms.columns import TabularEncoder, to_model_inputs
from dbx_dl.transforms.tabular import build_encoder, input_names
from tests.plain_encoding import ALL_KINDS, Cells, encode_plainly, murmur3, to_table

ODD_NAMES = ["x", "features", "features_", "a b", "ä", "encoder", "encoder/0/Unsqueeze", "a.b", "a`b", "N", "1", "日本"]
PARTS = ("month", "day_of_month", "day_of_week", "hour", "minute")
INT64 = np.iinfo(np.int64)
# datetime64 keeps the lowest int64 for "not a time".
FAR_MICROS = (int(INT64.min) + 1, int(INT64.max))
YEAR_1, YEAR_10000 = -62_135_596_800_000_000, 253_402_300_800_000_000

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=4)
numbers = st.floats(allow_nan=True, allow_infinity=True)
finite = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e200, max_value=1e200)
scales = st.floats(min_value=1e-100, max_value=1e100)
moments = st.integers(YEAR_1, YEAR_10000 - 1) | st.integers(*FAR_MICROS) | st.integers(-(10**12), 10**12)


@st.composite
def numeric_features(draw: st.DrawFn, column: str) -> NumericFeature:
    bounds = sorted((draw(finite), draw(finite)))
    return NumericFeature(
        column=column,
        fill=draw(finite),
        lower=draw(st.sampled_from([None, bounds[0]])),
        upper=draw(st.sampled_from([None, bounds[1]])),
        center=draw(finite),
        scale=draw(scales),
        add_indicator=draw(st.booleans()),
    )


@st.composite
def datetime_features(draw: st.DrawFn, column: str) -> DatetimeFeature:
    return DatetimeFeature(
        column=column,
        fill=draw(moments),
        parts=tuple(draw(st.lists(st.sampled_from(PARTS), unique=True))),
        elapsed=draw(st.booleans()),
        center=draw(finite),
        scale=draw(scales),
        add_indicator=draw(st.booleans()),
    )


@st.composite
def embedding_features(draw: st.DrawFn, column: str) -> EmbeddingFeature:
    size = draw(st.integers(1, 3))
    fill, center = (tuple(draw(st.lists(finite, min_size=size, max_size=size))) for _ in range(2))
    scale = tuple(draw(st.lists(scales, min_size=size, max_size=size)))
    return EmbeddingFeature(column=column, size=size, fill=fill, center=center, scale=scale)


@st.composite
def features(draw: st.DrawFn, column: str) -> Feature:
    kind = draw(st.sampled_from(["numeric", "categorical", "hashed", "datetime", "embedding"]))
    if kind == "categorical":
        names = draw(st.lists(texts.filter(bool), unique=True, max_size=5))
        return CategoricalFeature(column=column, categories=tuple(names))
    if kind == "hashed":
        return HashedFeature(column=column, num_buckets=draw(st.integers(1, 9)))
    fitted = {"numeric": numeric_features, "datetime": datetime_features, "embedding": embedding_features}
    return draw(fitted[kind](column))


def values_of(feature: Feature) -> st.SearchStrategy[Any]:
    match feature:
        case NumericFeature():
            return numbers
        case DatetimeFeature():
            return moments
        case EmbeddingFeature():
            return st.lists(numbers, min_size=feature.size, max_size=feature.size)
        case CategoricalFeature():
            return texts | st.sampled_from(feature.categories) if feature.categories else texts
        case _:
            return texts


@st.composite
def encodings(draw: st.DrawFn) -> tuple[FeatureSpec, Cells]:
    """A spec and a value (or None) for every cell of its columns."""
    columns = draw(st.lists(st.sampled_from(ODD_NAMES), unique=True, min_size=1, max_size=6))
    drawn = [draw(features(column)) for column in columns]
    spec = FeatureSpec(features=(*drawn, CategoricalFeature(column="last", categories=("u",))))
    num_rows = draw(st.integers(0, 6))
    rows = {f.column: st.lists(st.none() | values_of(f), min_size=num_rows, max_size=num_rows) for f in spec.features}
    return spec, {column: draw(values) for column, values in rows.items()}


def encode(spec: FeatureSpec, cells: Cells) -> np.ndarray:
    encoded = TabularEncoder(spec).encode(to_table(spec, cells))
    assert encoded.dtype == np.float32
    assert encoded.shape == (len(cells[spec.columns[0]]), spec.num_encoded)
    return encoded


@settings(max_examples=200, deadline=None)
@given(encodings())
def test_encoder_equals_the_reference_bit_for_bit(encoding: tuple[FeatureSpec, Cells]) -> None:
    spec, cells = encoding
    np.testing.assert_array_equal(encode(spec, cells), encode_plainly(spec, cells).astype(np.float32))


@settings(max_examples=150, deadline=None)
@given(numeric_features("x"), st.floats(-800, 800), st.floats(1e-3, 1e3), st.lists(st.none() | numbers, min_size=1))
def test_logs_equal_the_reference_to_the_last_digit(
    fitted: NumericFeature, center: float, scale: float, values: list[float | None]
) -> None:
    """NumPy's and ONNX Runtime's logarithms may differ in their last bit, which center and scale can magnify."""
    feature = fitted.model_copy(update={"log1p": True, "center": center, "scale": scale})
    spec = FeatureSpec(features=(feature,))
    expected = encode_plainly(spec, {"x": values}).astype(np.float32)
    error = 4 * sys.float_info.epsilon * 800 / scale
    np.testing.assert_allclose(encode(spec, {"x": values}), expected, rtol=2.4e-7, atol=error)


def test_small_logs_keep_their_digits() -> None:
    spec = FeatureSpec(features=(NumericFeature(column="x", fill=0, log1p=True, center=0, scale=1e-18),))
    values = [1e-18, -3e-18, 1e-17, 0.0, -1e-16, sys.float_info.max, -sys.float_info.max, 1e-8]
    expected = np.sign(values) * np.log1p(np.abs(values)) / 1e-18
    np.testing.assert_allclose(encode(spec, {"x": values})[:, 0], expected.astype(np.float32), rtol=2.4e-7)


def test_numbers_are_filled_then_clipped_then_logged_then_scaled() -> None:
    spec = FeatureSpec(
        features=(
            NumericFeature(column="a", fill=100, lower=-1, upper=10, center=1, scale=2, add_indicator=True),
            NumericFeature(column="b", fill=0, center=0, scale=1),
            NumericFeature(column="c", fill=-5, lower=-3, log1p=True, center=0, scale=1, add_indicator=True),
        )
    )
    values = [None, math.nan, math.inf, -math.inf, 7.0, -50.0, 50.0]
    encoded = encode(spec, {"a": values, "b": values, "c": values})
    log4, log8, log51 = math.log(4), math.log(8), math.log(51)
    assert encoded[:, 0].tolist() == [4.5, 4.5, 4.5, 4.5, 3.0, -1.0, 4.5]
    assert encoded[:, 1].tolist() == encoded[:, 4].tolist() == [1, 1, 1, 1, 0, 0, 0]
    assert encoded[:, 2].tolist() == [0, 0, 0, 0, 7, -50, 50]
    np.testing.assert_allclose(encoded[:, 3], [-log4, -log4, -log4, -log4, log8, -log4, log51], rtol=1e-6)


def test_large_numbers_keep_their_last_digit() -> None:
    spec = FeatureSpec(features=(NumericFeature(column="x", fill=0, center=1_700_000_000, scale=1),))
    encoded = TabularEncoder(spec).encode(pa.table({"x": [1_700_000_001.0]}))
    assert encoded.tolist() == [[1.0]]


@pytest.mark.parametrize(
    ("text", "published"),
    [("hello", 0x248BFA47), ("hello, world", 0x149BBB7F), ("The quick brown fox jumps over the lazy dog", 0x2E4FF723)],
)
def test_the_reference_hash_is_murmur3(text: str, published: int) -> None:
    assert murmur3(text.encode()) == published


@settings(max_examples=100, deadline=None)
@given(st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=40), min_size=1, max_size=20))
def test_hashes_equal_the_reference(values: list[str | None]) -> None:
    spec = FeatureSpec(features=(HashedFeature(column="x", num_buckets=1_000),))
    np.testing.assert_array_equal(encode(spec, {"x": values}), encode_plainly(spec, {"x": values}))


def test_hash_slots() -> None:
    spec = FeatureSpec(features=(HashedFeature(column="x", num_buckets=1_000),))
    values = [None, "", "hello", "日本", "ß", "9007199254740993", "9007199254740992"]
    hashed = [1 + murmur3(value.encode()) % 1_000 for value in values if value]
    assert encode(spec, {"x": values}).argmax(axis=1).tolist() == [0, 0, *hashed] and len(set(hashed)) == 5


def test_every_day_of_more_than_400_years() -> None:
    spec = FeatureSpec(features=(DatetimeFeature(column="t", fill=0, parts=PARTS[:3]),))
    days = np.arange(-150_000, 60_000)
    cells = {"t": (days * 86_400_000_000 + days % 86_400_000_000).tolist()}
    np.testing.assert_array_equal(encode(spec, cells), encode_plainly(spec, cells).astype(np.float32))


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1970-01-01T00:00:00", (0, 0, 3, 0, 0)),
        ("1969-12-31T23:59:59.999999", (11, 30, 2, 23, 59)),
        ("1969-12-31T00:00:00", (11, 30, 2, 0, 0)),
        ("0001-01-01T00:00:00", (0, 0, 0, 0, 0)),
        ("9999-12-31T23:59:59.999999", (11, 30, 4, 23, 59)),
        ("1900-03-01T12:00:00", (2, 0, 3, 12, 0)),
        ("2000-02-29T06:30:00", (1, 28, 1, 6, 30)),
        ("2100-02-28T23:00:00", (1, 27, 6, 23, 0)),
        ("2024-02-29T00:01:00", (1, 28, 3, 0, 1)),
    ],
)
def test_parts_of_known_dates(text: str, values: tuple[int, ...]) -> None:
    spec = FeatureSpec(features=(DatetimeFeature(column="t", fill=0, parts=PARTS),))
    micros = int(np.datetime64(text, "us").astype(np.int64))
    angles = [2 * math.pi * value / length for value, length in zip(values, (12, 31, 7, 24, 60), strict=True)]
    expected = [number for angle in angles for number in (math.sin(angle), math.cos(angle))]
    np.testing.assert_array_equal(encode(spec, {"t": [micros]})[0], np.array(expected, np.float32))


@pytest.mark.parametrize("micros", [int(INT64.min), int(INT64.max)])
def test_the_ends_of_int64_have_a_time_too(micros: int) -> None:
    spec = FeatureSpec(features=(DatetimeFeature(column="t", fill=0, parts=("hour", "minute", "day_of_week")),))
    minutes, days = micros // 60_000_000, micros // 86_400_000_000
    expected = [minutes // 60 % 24 / 24, minutes % 60 / 60, (days + 3) % 7 / 7]
    inputs = {"t": np.array([micros]), "t_is_null": np.array([False])}
    model = build_encoder(spec, 18).SerializeToString()
    (found,) = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"]).run(None, inputs)[0]
    angles = [math.atan2(found[i], found[i + 1]) / (2 * math.pi) % 1 for i in (0, 2, 4)]
    assert angles == pytest.approx(expected, abs=1e-6)


def test_a_null_time_is_the_fill_and_indicated() -> None:
    feature = DatetimeFeature(
        column="t", fill=3_600_000_000, parts=("hour",), elapsed=True, center=600, scale=1000, add_indicator=True
    )
    encoded = encode(FeatureSpec(features=(feature,)), {"t": [None, 3_600_000_000, 0]})
    assert encoded[0].tolist() == [*encoded[1].tolist()[:-1], 1.0] and encoded[:, 3].tolist() == [1, 0, 0]
    assert encoded[:, 2].tolist() == [3.0, 3.0, np.float32(-0.6)]


def test_only_the_missing_numbers_of_an_embedding_are_filled() -> None:
    feature = EmbeddingFeature(column="v", size=2, fill=(10, 20), center=(0, 10), scale=(1, 10))
    values = [None, [1.0, None], [math.inf, math.nan], [3.0, 30.0]]
    encoded = encode(FeatureSpec(features=(feature,)), {"v": values})
    assert encoded.tolist() == [[10, 1], [1, 1], [10, 1], [3, 2]]


def all_cells() -> Cells:
    return {
        "size": [None, 3.0, 1e9],
        "when": [None, YEAR_1, YEAR_10000 - 1],
        "colour": [None, "red", "unseen"],
        "is_new": [None, 1.0, 0.0],
        "customer": [None, "ü", "9007199254740993"],
        "vector": [None, [1.0, 2.0, 3.0], [math.nan, 0.0, 1.0]],
        "price": [None, 5.0, -math.inf],
    }


@pytest.mark.parametrize("opset", [18, 19, 20, 21])
def test_graph_is_what_the_exporter_merges(opset: int) -> None:
    model = build_encoder(ALL_KINDS, opset)
    assert model.ir_version == 10
    domains = {(o.domain, o.version) for o in model.opset_import}
    assert domains == {("", opset), ("ai.onnx.ml", 3), ("com.microsoft", 1)}
    kinds = {i.name: onnx.TensorProto.DataType.Name(i.type.tensor_type.elem_type) for i in model.graph.input}
    strings, doubles = ("colour", "customer"), ("size", "is_new", "vector", "price")
    expected = dict.fromkeys(strings, "STRING") | dict.fromkeys(doubles, "DOUBLE")
    assert kinds == expected | {"when": "INT64", "when_is_null": "BOOL"}
    assert list(kinds) == input_names(ALL_KINDS)
    assert [o.name for o in model.graph.output] == ["features"]
    assert {node.op_type for node in model.graph.node if node.domain} == {"LabelEncoder", "MurmurHash3"}
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    inputs = to_model_inputs(to_table(ALL_KINDS, all_cells()), ALL_KINDS)
    expected_nk = encode_plainly(ALL_KINDS, all_cells())
    np.testing.assert_allclose(session.run(None, inputs)[0], expected_nk, rtol=1e-6)


def test_no_hash_needs_no_operator_of_one_runtime() -> None:
    spec = FeatureSpec(features=tuple(f for f in ALL_KINDS.features if f.kind != "hashed"))
    assert {o.domain for o in build_encoder(spec, 18).opset_import} == {"", "ai.onnx.ml"}


def test_large_tables_are_encoded_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    table = pa.concat_tables([to_table(ALL_KINDS, all_cells())] * 5)
    whole = TabularEncoder(ALL_KINDS).encode(table)
    monkeypatch.setattr(columns_module, "_PIECE_BYTES", 8 * ALL_KINDS.num_encoded * 4)
    np.testing.assert_array_equal(TabularEncoder(ALL_KINDS).encode(table), whole)
    monkeypatch.setattr(columns_module, "_ROWS_AT_ONCE", 3)
    np.testing.assert_array_equal(TabularEncoder(ALL_KINDS).encode(table), whole)


def test_neighbouring_numbers_share_their_operators() -> None:
    numeric = tuple(NumericFeature(column=f"c{i}", fill=0, center=i, scale=1) for i in range(32))
    model = build_encoder(FeatureSpec(features=numeric), 18)
    assert sum(node.op_type != "Unsqueeze" for node in model.graph.node) == 10


def test_output_makes_way_for_a_column_of_its_name() -> None:
    features = (NumericFeature(column="features", fill=0, center=0, scale=1),)
    assert [o.name for o in build_encoder(FeatureSpec(features=features), 18).graph.output] == ["features_"]


def test_inputs_of_one_name_are_refused() -> None:
    spec = FeatureSpec(
        features=(
            DatetimeFeature(column="t", fill=0, parts=("hour",)),
            NumericFeature(column="t_is_null", fill=0, center=0, scale=1),
        )
    )
    with pytest.raises(DataError, match=r"would be named 't_is_null'.*rename"):
        build_encoder(spec, 18)


@pytest.mark.parametrize("features", [(), (DatetimeFeature(column="t", fill=0, parts=()),)])
def test_nothing_to_encode_is_refused(features: tuple[Feature, ...]) -> None:
    with pytest.raises(DataError, match="without features"):
        build_encoder(FeatureSpec(features=features), 18)
