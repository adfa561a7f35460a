"""The ONNX encoder equals a plain NumPy reference on whatever columns and values hypothesis thinks of."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dbx_dl.contracts import CategoricalFeature, FeatureSpec, NumericFeature
from dbx_dl.errors import DataError
from dbx_dl.transforms.columns import TabularEncoder
from dbx_dl.transforms.tabular import FLOAT32_MAX, build_encoder

ODD_NAMES = ["x", "features", "features_", "a b", "ä", "encoder", "encoder/0/Unsqueeze", "a.b", "a`b", "N", "1", "日本"]
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=4)
numbers = st.floats(allow_nan=True, allow_infinity=True)
finite = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e200, max_value=1e200)


@st.composite
def features(draw: st.DrawFn, column: str) -> NumericFeature | CategoricalFeature:
    if draw(st.booleans()):
        scale = draw(st.floats(min_value=1e-100, max_value=1e100))
        return NumericFeature(column=column, fill=draw(finite), center=draw(finite), scale=scale)
    names = draw(st.lists(texts.filter(bool), unique=True, max_size=5))
    return CategoricalFeature(column=column, categories=tuple(names))


@st.composite
def encodings(draw: st.DrawFn) -> tuple[FeatureSpec, dict[str, list[Any]]]:
    """A spec and a value (or None) for every cell of its columns."""
    columns = draw(st.lists(st.sampled_from(ODD_NAMES), unique=True, min_size=1, max_size=6))
    spec = FeatureSpec(features=tuple(draw(features(column)) for column in columns))
    num_rows = draw(st.integers(0, 6))
    cells: dict[str, list[Any]] = {}
    for feature in spec.features:
        known = texts if feature.kind == "numeric" or not feature.categories else st.sampled_from(feature.categories)
        values = numbers if feature.kind == "numeric" else st.one_of(known, texts)
        cells[feature.column] = draw(st.lists(st.none() | values, min_size=num_rows, max_size=num_rows))
    return spec, cells


def encode_plainly(spec: FeatureSpec, cells: dict[str, list[Any]]) -> np.ndarray:
    """The definition, one cell at a time."""
    blocks: list[np.ndarray] = []
    for feature in spec.features:
        values = cells[feature.column]
        if isinstance(feature, NumericFeature):
            filled = [feature.fill if v is None or not np.isfinite(v) else v for v in values]
            with np.errstate(over="ignore"):
                scaled = (np.array(filled, np.float64) - feature.center) / feature.scale
            blocks.append(np.clip(scaled, -FLOAT32_MAX, FLOAT32_MAX)[:, None])
        else:
            slots = [feature.categories.index(v) + 1 if v in feature.categories else 0 for v in values]
            blocks.append(np.eye(len(feature.categories) + 1)[np.array(slots, np.int64)])
    return np.concatenate(blocks, axis=1).astype(np.float32)


@settings(max_examples=150, deadline=None)
@given(encodings())
def test_encoder_equals_the_reference(encoding: tuple[FeatureSpec, dict[str, list[Any]]]) -> None:
    spec, cells = encoding
    types = {f.column: pa.float64() if f.kind == "numeric" else pa.string() for f in spec.features}
    table = pa.table({name: pa.array(values, types[name]) for name, values in cells.items()})
    encoded = TabularEncoder(spec).encode(table)
    assert encoded.dtype == np.float32
    assert encoded.shape == (table.num_rows, spec.num_encoded)
    np.testing.assert_array_equal(encoded, encode_plainly(spec, cells))


def test_large_numbers_keep_their_last_digit() -> None:
    spec = FeatureSpec(features=(NumericFeature(column="x", fill=0, center=1_700_000_000, scale=1),))
    encoded = TabularEncoder(spec).encode(pa.table({"x": [1_700_000_001.0]}))
    assert encoded.tolist() == [[1.0]]


@pytest.mark.parametrize("opset", [18, 19, 20, 21])
def test_graph_is_what_the_exporter_merges(opset: int) -> None:
    spec = FeatureSpec(
        features=(
            NumericFeature(column="size", fill=1, center=0, scale=2),
            CategoricalFeature(column="colour", categories=("red",)),
        )
    )
    model = build_encoder(spec, opset)
    assert model.ir_version == 10
    assert {(o.domain, o.version) for o in model.opset_import} == {("", opset), ("ai.onnx.ml", 3)}
    kinds = {i.name: i.type.tensor_type.elem_type for i in model.graph.input}
    assert kinds == {"size": onnx.TensorProto.DOUBLE, "colour": onnx.TensorProto.STRING}
    assert [o.name for o in model.graph.output] == ["features"]
    assert {node.op_type for node in model.graph.node if node.domain} == {"LabelEncoder"}


def test_output_makes_way_for_a_column_of_its_name() -> None:
    features = (NumericFeature(column="features", fill=0, center=0, scale=1),)
    assert [o.name for o in build_encoder(FeatureSpec(features=features), 18).graph.output] == ["features_"]


def test_no_features_are_refused() -> None:
    with pytest.raises(DataError, match="without features"):
        build_encoder(FeatureSpec(features=()), 18)
