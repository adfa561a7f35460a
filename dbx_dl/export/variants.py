"""Other ways of writing a network's numbers; what comes before and behind the network stays as it is."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbx_dl.errors import ExportError
from dbx_dl.frameworks.quiet import drop_python_chatter

if TYPE_CHECKING:
    import numpy as np
    import onnx
    from numpy.typing import NDArray

    from dbx_dl.contracts import Precision

# Layers that are mostly multiplication; the others gain little and lose as much.
_QUANTIZED = ["Conv", "MatMul", "Gemm"]
_CALIBRATION_BATCH = 32
# Whole numbers up to here are exact in float16.
MAX_FLOAT16_IDS = 2048


@dataclass(frozen=True)
class Source:
    """A network's ONNX file, a folder for what is made of it, and rows of the train split as the network takes them.

    `calibration` is uint8 (N, H, W, C) pixels or float32 (N, K) features.
    """

    network: Path
    folder: Path
    calibration: Callable[[], NDArray[np.generic]]


@dataclass(frozen=True)
class VariantKind:
    """What a variant computes in, and the function that makes its network."""

    precision: Precision
    build: Callable[[Source], onnx.ModelProto]


def build_variant(name: str, source: Source) -> onnx.ModelProto:
    """The variant's network (`inputs` -> `logits`); ExportError when the tool behind it cannot make it."""
    try:
        with _root_logger_kept(), drop_python_chatter("root"):
            return VARIANTS[name].build(source)
    except Exception as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise ExportError(f"it cannot be made of this network: {lines[0]}") from None


def optimize_network(source: Source) -> onnx.ModelProto:
    """ONNX Runtime's graph optimisations that no machine's layout depends on, done once instead of at every load."""
    import onnx
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    target = source.folder / "optimized.onnx"
    options.optimized_model_filepath = str(target)
    onnxruntime.InferenceSession(str(source.network), options, providers=["CPUExecutionProvider"])
    return onnx.load_model(str(target))


def convert_to_float16(source: Source) -> onnx.ModelProto:
    """Weights and sums in float16; inputs and outputs keep their types.

    ExportError for ids that come as floats and are too many to be told apart in float16.
    """
    import onnx
    from onnxruntime.quantization.onnx_model import ONNXModel
    from onnxruntime.transformers.float16 import convert_float_to_float16

    network = onnx.load_model(str(source.network))
    if network.graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.FLOAT:
        _refuse_many_ids(network)
    converted = ONNXModel(convert_float_to_float16(network, keep_io_types=True))
    converted.topological_sort()  # the conversion puts its casts last
    model: onnx.ModelProto = converted.model
    return model


def _refuse_many_ids(network: onnx.ModelProto) -> None:
    sizes = {tensor.name: tensor.dims[0] for tensor in network.graph.initializer if tensor.dims}
    lookups = [sizes.get(node.input[0], 0) for node in network.graph.node if node.op_type == "Gather"]
    if max(lookups, default=0) > MAX_FLOAT16_IDS + 1:
        raise ExportError(f"float16 cannot tell ids above {MAX_FLOAT16_IDS:,} apart, and it has {max(lookups):,}")


def quantize_with_calibration(source: Source) -> onnx.ModelProto:
    """int8 weights by channel and uint8 activations, whose ranges are those of real rows.

    Weights have 7 bits: with 8, the sums overflow on processors without VNNI.
    """
    import onnx
    from onnxruntime import quantization

    target = source.folder / "int8_static.onnx"
    quantization.quantize_static(
        str(source.network),
        str(target),
        _create_reader(source.calibration()),
        op_types_to_quantize=_QUANTIZED,
        per_channel=True,
        reduce_range=True,
        activation_type=quantization.QuantType.QUInt8,
        weight_type=quantization.QuantType.QInt8,
    )
    return onnx.load_model(str(target))


def quantize_by_batch(source: Source) -> onnx.ModelProto:
    """int8 weights, and activations by the range of each batch, so that a row's values depend on its company."""
    import onnx
    from onnxruntime import quantization

    target = source.folder / "int8_dynamic.onnx"
    quantization.quantize_dynamic(
        str(source.network), str(target), op_types_to_quantize=_QUANTIZED, per_channel=True, reduce_range=True
    )
    return onnx.load_model(str(target))


VARIANTS: dict[str, VariantKind] = {
    "optimized": VariantKind("float32", optimize_network),
    "fp16": VariantKind("float16", convert_to_float16),
    "int8_static": VariantKind("int8", quantize_with_calibration),
    "int8_dynamic": VariantKind("int8", quantize_by_batch),
}


def _create_reader(inputs: NDArray[np.generic]) -> Any:
    from onnxruntime.quantization import CalibrationDataReader

    class RowReader(CalibrationDataReader):  # type: ignore[misc]
        """Rows in batches, then None, as the calibration asks for them."""

        def __init__(self) -> None:
            starts = range(0, len(inputs), _CALIBRATION_BATCH)
            self._batches = iter([{"inputs": inputs[start : start + _CALIBRATION_BATCH]} for start in starts])

        def get_next(self) -> Any:
            return next(self._batches, None)

    return RowReader()


@contextmanager
def _root_logger_kept() -> Iterator[None]:
    """onnxruntime.quantization logs through the root logger, which installs a handler where it has none."""
    root, handler = logging.getLogger(), logging.NullHandler()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
