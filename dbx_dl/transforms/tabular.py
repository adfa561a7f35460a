"""A fitted spec of raw columns becomes an ONNX graph from these to what a network takes: features, or token ids."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from dbx_dl.contracts import (
    CategoricalFeature,
    DatetimeFeature,
    EmbeddingFeature,
    HashedFeature,
    HistorySpec,
    NumericFeature,
    StepsSpec,
    TextAndColumnsSpec,
    TextSpec,
)
from dbx_dl.errors import DataError
from dbx_dl.transforms.encoder.categories import MICROSOFT_DOMAIN, encode_categorical, encode_hashed
from dbx_dl.transforms.encoder.graph import EncoderGraph
from dbx_dl.transforms.encoder.histories import encode_histories
from dbx_dl.transforms.encoder.numbers import encode_embedding, encode_numeric
from dbx_dl.transforms.encoder.steps import encode_steps, length_input
from dbx_dl.transforms.encoder.timestamps import encode_datetime, null_input
from dbx_dl.transforms.encoder.tokens import encode_text

if TYPE_CHECKING:
    import onnx

    from dbx_dl.contracts import ColumnsSpec, FeatureSpec
    from dbx_dl.contracts.inputs import Feature

OUTPUT_NAME = "features"
IR_VERSION = 10
ML_OPSET = 3


def build_encoder(spec: ColumnsSpec, opset: int) -> onnx.ModelProto:
    """The ONNX graph of a fitted spec, at `opset` (18 to 21) of the default domain and 3 of ai.onnx.ml.

    Inputs, named like the raw columns: double (N,) for numeric, string (N,) for categorical and hashed, double (N,
    size) for embedding, int64 (N,) for datetime features and beside it boolean (N,) `<column>_is_null`. The one output,
    float32 (N, spec.num_encoded), is named `features`; underscores are appended where an input has that name, so take
    the name from `graph.output[0]`. Everything is computed in float64 and cast last. NaN and infinities count as null
    (the fill value), "" and unseen categories as unknown (slot 0). A text's input is string (N,), its output int32 (N,
    max_length), beside other columns float32 and before their features; of users and histories see
    `contracts.HistorySpec`. Numbers by step are double (N, L), of any L, and beside the first of them is int64 (N,)
    `<column>_num_steps`; the output is float32 (N, max_steps, K + 1). Hashed features, texts and histories need an
    operator of ONNX Runtime (com.microsoft). DataError when nothing would be encoded or two inputs would have one name.
    """
    from onnx import TensorProto, helper

    inputs = _describe_inputs(spec)
    names = [value.name for value in inputs]
    graph = EncoderGraph(names)
    kind = TensorProto.INT32 if spec.row_dtype == "int32" else TensorProto.FLOAT
    if isinstance(spec, TextSpec):
        encoded = encode_text(graph, spec.text)
    elif isinstance(spec, HistorySpec):
        encoded = encode_histories(graph, spec)
    elif isinstance(spec, TextAndColumnsSpec):
        ids = graph.add("Cast", [encode_text(graph, spec.text)], to=TensorProto.DOUBLE)
        encoded = graph.side_by_side([ids, *_encode(graph, spec.table)])
    elif isinstance(spec, StepsSpec):
        encoded = encode_steps(graph, spec)
    else:
        encoded = graph.side_by_side(_encode(graph, spec))
    output_name = _free_name(OUTPUT_NAME, names)
    graph.add("Cast", [encoded], output=output_name, to=kind)
    output = helper.make_tensor_value_info(output_name, kind, ["N", *spec.row_shape])
    return make_model(graph, inputs, output, opset=opset, needs_onnx_runtime=_needs_onnx_runtime(spec))


def make_model(
    graph: EncoderGraph, inputs: list[Any], output: Any, *, opset: int, needs_onnx_runtime: bool
) -> onnx.ModelProto:
    """The checked model of a graph that is done."""
    from onnx import checker, helper

    opsets = {"": opset, "ai.onnx.ml": ML_OPSET} | ({MICROSOFT_DOMAIN: 1} if needs_onnx_runtime else {})
    model = helper.make_model(
        helper.make_graph(graph.nodes, "encoder", inputs, [output], graph.constants, value_info=graph.described),
        opset_imports=[helper.make_opsetid(domain, version) for domain, version in opsets.items()],
        ir_version=IR_VERSION,
        producer_name="dbx_dl",
    )
    checker.check_model(model, full_check=True)
    return model


def input_names(spec: ColumnsSpec) -> list[str]:
    """Names of the graph's inputs, in order; DataError when there are none or two are equal."""
    if not spec.num_encoded:
        raise DataError("a feature spec without features cannot be encoded: the table needs one usable column")
    names: list[str] = []
    for feature in spec.features:
        names += [feature.column, null_input(feature.column)] if feature.kind == "datetime" else [feature.column]
    names += [length_input(spec)] if isinstance(spec, StepsSpec) else []
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise DataError(
            f"two inputs of the model would be named {repeated[0]!r} (timestamps bring <column>_is_null, numbers by "
            "step <column>_num_steps): rename one of the columns"
        )
    return names


def _describe_inputs(spec: ColumnsSpec) -> list[Any]:
    from onnx import TensorProto, helper

    types = {
        "numeric": TensorProto.DOUBLE,
        "categorical": TensorProto.STRING,
        "hashed": TensorProto.STRING,
        "datetime": TensorProto.INT64,
        "embedding": TensorProto.DOUBLE,
        "text": TensorProto.STRING,
        "id": TensorProto.STRING,
        "history": TensorProto.STRING,
        "steps": TensorProto.DOUBLE,
    }
    shapes = {f.column: ["N", f.size] for f in spec.features if f.kind == "embedding"}
    shapes |= {f.column: ["N", "L"] for f in spec.features if f.kind == "steps"}
    found = {f.column: (types[f.kind], shapes.get(f.column, ["N"])) for f in spec.features}
    others = (TensorProto.INT64 if isinstance(spec, StepsSpec) else TensorProto.BOOL, ["N"])
    return [helper.make_tensor_value_info(name, *found.get(name, others)) for name in input_names(spec)]


def _encode(graph: EncoderGraph, spec: FeatureSpec) -> list[str]:
    """Blocks double (N, k) in the order of the features; neighbours of one treatment share a block."""
    blocks: list[str] = []
    for _, neighbours in groupby(spec.features, key=_treatment):
        features = list(neighbours)
        if isinstance(features[0], NumericFeature):
            blocks.append(encode_numeric(graph, [f for f in features if isinstance(f, NumericFeature)]))
        else:
            blocks += [block for f in features if (block := _encode_one(graph, f)) is not None]
    return blocks


def _treatment(feature: Feature) -> tuple[str, bool]:
    return feature.kind, isinstance(feature, NumericFeature) and feature.log1p


def _encode_one(graph: EncoderGraph, feature: Feature) -> str | None:
    match feature:
        case CategoricalFeature():
            return encode_categorical(graph, feature)
        case HashedFeature():
            return encode_hashed(graph, feature)
        case DatetimeFeature():
            return encode_datetime(graph, feature)
        case EmbeddingFeature():
            return encode_embedding(graph, feature)
        case NumericFeature():
            return encode_numeric(graph, [feature])


def _needs_onnx_runtime(spec: ColumnsSpec) -> bool:
    return any(feature.kind in ("hashed", "text", "history") for feature in spec.features)


def _free_name(name: str, taken: Sequence[str]) -> str:
    while name in taken:
        name += "_"
    return name
