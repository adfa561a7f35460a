"""A fitted FeatureSpec becomes an ONNX graph from raw columns to encoded features."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from dbx_dl.contracts import CategoricalFeature, NumericFeature
from dbx_dl.errors import DataError

if TYPE_CHECKING:
    import onnx

    from dbx_dl.contracts import FeatureSpec

OUTPUT_NAME = "features"
IR_VERSION = 10
ML_OPSET = 3
# Encoded values are limited to what float32 holds, so that no finite input becomes an infinite feature.
FLOAT32_MAX = 3.4028234663852886e38


def build_encoder(spec: FeatureSpec, opset: int) -> onnx.ModelProto:
    """The ONNX graph of a fitted spec, at `opset` (18 to 21) of the default domain and 3 of ai.onnx.ml.

    Inputs: one of shape (N,) per raw column and named like it, double for numeric and string for categorical
    features. Its one output, float32 (N, spec.num_encoded), is named `features`; underscores are appended where a
    column has that name, so take the name from `graph.output[0]`. Everything is computed in float64 and cast last.
    NaN and infinities count as null (the fill value), "" and unseen categories as unknown (slot 0). DataError when
    the spec has no features.
    """
    from onnx import TensorProto, checker, helper

    if not spec.features:
        raise DataError("a feature spec without features cannot be encoded: the table needs one usable column")
    graph = _Graph(spec.columns)
    blocks: list[str] = []
    for kind, features in groupby(spec.features, key=lambda feature: feature.kind):
        group = list(features)
        if kind == "numeric":
            blocks.append(_encode_numeric(graph, [f for f in group if isinstance(f, NumericFeature)]))
        else:
            blocks += [_encode_categorical(graph, f) for f in group if isinstance(f, CategoricalFeature)]
    encoded = graph.add("Concat", blocks, axis=1)
    output_name = _free_name(OUTPUT_NAME, spec.columns)
    graph.add("Cast", [encoded], output=output_name, to=TensorProto.FLOAT)
    inputs = [helper.make_tensor_value_info(f.column, _element_type(f.kind), ["N"]) for f in spec.features]
    output = helper.make_tensor_value_info(output_name, TensorProto.FLOAT, ["N", spec.num_encoded])
    model = helper.make_model(
        helper.make_graph(graph.nodes, "encoder", inputs, [output], graph.constants),
        opset_imports=[helper.make_opsetid("", opset), helper.make_opsetid("ai.onnx.ml", ML_OPSET)],
        ir_version=IR_VERSION,
        producer_name="dbx_dl",
    )
    checker.check_model(model, full_check=True)
    return model


class _Graph:
    """Nodes and constants under construction; names of values inside never equal a column's."""

    def __init__(self, columns: Sequence[str]) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self._prefix = "encoder"
        while any(column.startswith(self._prefix) for column in columns):
            self._prefix += "_"

    def add(self, operator: str, inputs: Sequence[str], output: str | None = None, **attributes: Any) -> str:
        """Append a node with one output and return that value's name."""
        from onnx import helper

        name = f"{self._prefix}/{len(self.nodes)}/{operator}"
        node = helper.make_node(operator, list(inputs), [output or name], name=name, **attributes)
        self.nodes.append(node)
        return output or name

    def constant(self, values: Any) -> str:
        """Append a constant from anything that NumPy takes (float64 or int64) and return its name."""
        import numpy as np
        from onnx import numpy_helper

        name = f"{self._prefix}/constant/{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values), name))
        return name


def _encode_numeric(graph: _Graph, features: Sequence[NumericFeature]) -> str:
    """(N,) doubles -> double (N, len(features)): fill what is not finite, centre, scale."""
    axis = graph.constant([1])
    columns = [graph.add("Unsqueeze", [feature.column, axis]) for feature in features]
    values = graph.add("Concat", columns, axis=1)
    missing = graph.add("Or", [graph.add("IsNaN", [values]), graph.add("IsInf", [values])])
    filled = graph.add("Where", [missing, graph.constant([f.fill for f in features]), values])
    # (center - x) / -scale is (x - center) / scale to the bit. Written the other way round, ONNX Runtime drops the
    # subtraction of a single centre that is 0 in float32, however small the scale (and likewise a division by 1).
    mirrored = graph.add("Sub", [graph.constant([f.center for f in features]), filled])
    scaled = graph.add("Div", [mirrored, graph.constant([-f.scale for f in features])])
    return graph.add("Clip", [scaled, graph.constant(-FLOAT32_MAX), graph.constant(FLOAT32_MAX)])


def _encode_categorical(graph: _Graph, feature: CategoricalFeature) -> str:
    """(N,) strings -> double (N, 1 + number of categories): one-hot, slot 0 for everything that is not a category."""
    from onnx import TensorProto

    slots = {"": 0} | {name: slot for slot, name in enumerate(feature.categories, start=1) if name}
    found = graph.add(
        "LabelEncoder",
        [feature.column],
        domain="ai.onnx.ml",
        keys_strings=list(slots),
        values_int64s=list(slots.values()),
        default_int64=0,
    )
    slot = graph.add("Unsqueeze", [found, graph.constant([1])])
    is_slot = graph.add("Equal", [slot, graph.constant(list(range(len(feature.categories) + 1)))])
    return graph.add("Cast", [is_slot], to=TensorProto.DOUBLE)


def _element_type(kind: str) -> int:
    from onnx import TensorProto

    return int(TensorProto.DOUBLE if kind == "numeric" else TensorProto.STRING)


def _free_name(name: str, taken: Sequence[str]) -> str:
    while name in taken:
        name += "_"
    return name
