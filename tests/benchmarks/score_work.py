"""The kinds of work that scoring is measured on: a model file, rows in a Delta table, and how peers bind them."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pyarrow as pa
from deltalake import write_deltalake
from onnx import TensorProto, helper
from PIL import Image

from dbx_dl.contracts import (
    CategoricalFeature,
    DatetimeFeature,
    FeatureSpec,
    HashedFeature,
    ImageSpec,
    NumericFeature,
)
from dbx_dl.export.onnx_model import write_model
from dbx_dl.transforms.columns import to_model_inputs
from tests.onnx_models import make_metadata, make_model

NUM_FILES = 8
NUM_CLASSES = 10
# Rows that differ in more than their keys: what comes after repeats them, which takes little time to write.
NUM_DIFFERENT = {"columns": 500_000, "mixed": 100_000, "digits": 15_000, "photos": 250}
# Of the table's files, those that ways through the JVM read: the others need more rows to run for some seconds.
NUM_JVM_FILES = {"columns": 2, "mixed": 1, "digits": 8, "photos": 8}
COLUMNS = FeatureSpec(features=tuple(NumericFeature(column=f"c{k}", fill=0, center=0, scale=1) for k in range(32)))
MIXED = FeatureSpec(
    features=(
        *(NumericFeature(column=f"n{k}", fill=0, center=0, scale=1) for k in range(4)),
        *(CategoricalFeature(column=f"s{k}", categories=tuple("abcdef")) for k in range(3)),
        HashedFeature(column="customer", num_buckets=16),
        DatetimeFeature(column="seen_at", fill=0, parts=("month", "hour"), elapsed=True, center=1.6e9, scale=1e7),
        NumericFeature(column="is_new", is_boolean=True, fill=0, center=0, scale=1),
    )
)
DIGITS = ImageSpec(height=28, width=28, channels=1)
PHOTOS = ImageSpec(height=224, width=224, channels=3)
SPECS: dict[str, FeatureSpec | ImageSpec] = {"columns": COLUMNS, "mixed": MIXED, "digits": DIGITS, "photos": PHOTOS}
LABELS = tuple(f"label{k}" for k in range(NUM_CLASSES))


@dataclass(frozen=True)
class Work:
    """A model file and a Delta table of `num_rows` rows in NUM_FILES files, with an integer key `id`.

    Every file is a version of its own: version 0 has the first one.
    """

    name: str
    num_rows: int
    model: str
    table: str

    @property
    def spec(self) -> FeatureSpec | ImageSpec:
        """What the model takes."""
        return SPECS[self.name]

    @property
    def columns(self) -> list[str]:
        """The raw columns."""
        return [self.spec.column] if isinstance(self.spec, ImageSpec) else list(self.spec.columns)

    @property
    def jvm_version(self) -> int:
        """The version that ways through the JVM read."""
        return NUM_JVM_FILES[self.name] - 1

    @property
    def num_jvm_rows(self) -> int:
        """Rows of that version."""
        return NUM_JVM_FILES[self.name] * self.num_rows // NUM_FILES

    @property
    def batch_rows(self) -> int:
        """Rows that peers put through the model at once."""
        return 16 if self.spec is PHOTOS else 1024 if self.spec is DIGITS else 4096

    def bind(self, batch: pa.RecordBatch) -> dict[str, np.ndarray]:
        """Model inputs as anybody would make them by hand of Arrow: NumPy views, or pixels by Pillow."""
        if isinstance(self.spec, ImageSpec):
            return {"pixels": decode(batch.column(self.spec.column).to_pylist(), self.spec)}
        return to_model_inputs(batch, self.spec)

    def bind_arrays(self, arrays: list[np.ndarray]) -> dict[str, np.ndarray]:
        """Model inputs of what pandas gives: an array per column."""
        if isinstance(self.spec, ImageSpec):
            return {"pixels": decode(list(arrays[0]), self.spec)}
        if self.spec is COLUMNS:
            return {name: np.asarray(array, np.float64) for name, array in zip(self.columns, arrays, strict=True)}
        columns = [pa.array(array, from_pandas=True) for array in arrays]
        return to_model_inputs(pa.RecordBatch.from_arrays(columns, names=self.columns), self.spec)


def decode(contents: list[bytes], spec: ImageSpec) -> np.ndarray:
    """Pixels uint8 (N, H, W, C), one image after the other with Pillow."""
    pixels = np.empty((len(contents), spec.height, spec.width, spec.channels), np.uint8)
    for row, content in enumerate(contents):
        with Image.open(io.BytesIO(content)) as image:
            pixels[row] = np.asarray(image).reshape(pixels.shape[1:])
    return pixels


def make_work(name: str, num_rows: int, folder: Path) -> Work:
    """Write the model and the table below a folder; a table that is there stays, for runs with the same options."""
    folder.mkdir(parents=True, exist_ok=True)
    model, table = folder / f"{name}.onnx", folder / f"{name}-{num_rows}"
    spec = SPECS[name]
    network = make_perceptron(spec) if isinstance(spec, FeatureSpec) else make_cnn(spec)
    write_model(network, make_metadata(spec, LABELS), model)
    for file in range(0 if table.exists() else NUM_FILES):
        first, end = file * num_rows // NUM_FILES, (file + 1) * num_rows // NUM_FILES
        write_deltalake(table, make_rows(name, first, end - first), mode="append")
    return Work(name, num_rows, str(model), str(table))


def make_rows(name: str, first: int, num_rows: int) -> pa.Table:
    """Rows of a kind with the keys from `first` on."""
    size = max(1, min(num_rows, NUM_DIFFERENT[name]))
    rows = pa.concat_tables([MAKERS[name](first, size)] * -(-num_rows // size)).slice(0, num_rows)
    return rows.set_column(0, "id", [np.arange(first, first + num_rows)])


def make_columns(first: int, num_rows: int) -> pa.Table:
    """32 columns of random floats."""
    rng = np.random.default_rng(first)
    columns = {name: rng.normal(size=num_rows).astype(np.float32) for name in COLUMNS.columns}
    return pa.table({"id": np.arange(first, first + num_rows), **columns})


def make_mixed(first: int, num_rows: int) -> pa.Table:
    """Numbers, texts, timestamps and booleans, with one null in ten."""
    rng = np.random.default_rng(first)

    def some(values: Any, kind: pa.DataType | None = None) -> pa.Array:
        return pa.array(values, kind, mask=rng.random(num_rows) < 0.1)

    columns = {name: some(rng.normal(size=num_rows)) for name in ("n0", "n1", "n2", "n3")}
    columns |= {name: some(rng.choice(list("abcdefgh"), num_rows).tolist(), pa.string()) for name in ("s0", "s1", "s2")}
    columns["customer"] = some([f"c{number}" for number in rng.integers(0, 10**6, num_rows)], pa.string())
    micros = rng.integers(15 * 10**14, 17 * 10**14, num_rows)
    columns["seen_at"] = some(micros.astype("datetime64[us]"), pa.timestamp("us")).cast(pa.timestamp("us", "UTC"))
    columns["is_new"] = some(rng.random(num_rows) < 0.5)
    return pa.table({"id": np.arange(first, first + num_rows), **columns})


def make_digits(first: int, num_rows: int) -> pa.Table:
    """PNG files 28x28 of random cells."""
    return _make_images(first, num_rows, DIGITS, "PNG", 4)


def make_photos(first: int, num_rows: int) -> pa.Table:
    """JPEG files 224x224 in colour."""
    return _make_images(first, num_rows, PHOTOS, "JPEG", 8)


MAKERS: dict[str, Callable[[int, int], pa.Table]] = {
    "columns": make_columns,
    "mixed": make_mixed,
    "digits": make_digits,
    "photos": make_photos,
}


def _make_images(first: int, num_rows: int, spec: ImageSpec, kind: str, cell: int) -> pa.Table:
    rng = np.random.default_rng(first)
    grid = (spec.height // cell, spec.width // cell, spec.channels)
    contents = []
    for _ in range(num_rows):
        pixels = rng.integers(0, 256, grid, np.uint8).repeat(cell, 0).repeat(cell, 1)
        buffer = io.BytesIO()
        Image.fromarray(pixels.squeeze()).save(buffer, kind)
        contents.append(buffer.getvalue())
    return pa.table({"id": np.arange(first, first + num_rows), "content": pa.array(contents, pa.binary())})


def make_perceptron(spec: FeatureSpec) -> onnx.ModelProto:
    """Features -> 64 -> 64 -> classes."""
    sizes = (spec.num_encoded, 64, 64, NUM_CLASSES)
    rng = np.random.default_rng(0)
    nodes, constants, last = [], {}, "inputs"
    for layer, (wide, narrow) in enumerate(itertools.pairwise(sizes)):
        constants[f"w{layer}"] = (rng.normal(size=(wide, narrow)) / np.sqrt(wide)).astype(np.float32)
        constants[f"b{layer}"] = np.zeros(narrow, np.float32)
        is_last = layer == len(sizes) - 2
        nodes.append(helper.make_node("Gemm", [last, f"w{layer}", f"b{layer}"], ["logits" if is_last else f"g{layer}"]))
        if not is_last:
            nodes.append(helper.make_node("Relu", [f"g{layer}"], [f"r{layer}"]))
        last = f"r{layer}"
    return _finish(nodes, TensorProto.FLOAT, [sizes[0]], constants)


def make_cnn(spec: ImageSpec) -> onnx.ModelProto:
    """A LeNet for small images; four convolutions with strides of 2 for large ones."""
    channels = (spec.channels, 6, 16) if spec.height < 64 else (spec.channels, 32, 64, 128, 256)
    rng = np.random.default_rng(0)
    nodes = [
        helper.make_node("Cast", ["inputs"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["float", "scale"], ["scaled"]),
        helper.make_node("Transpose", ["scaled"], ["x0"], perm=[0, 3, 1, 2]),
    ]
    constants: dict[str, Any] = {"scale": np.float32(255)}
    side = spec.height
    for layer, (wide, narrow) in enumerate(itertools.pairwise(channels)):
        size = 5 if spec.height < 64 else 3
        kernel = rng.normal(size=(narrow, wide, size, size)) / np.sqrt(wide * size * size)
        constants[f"k{layer}"] = kernel.astype(np.float32)
        pads = [size // 2] * 4
        nodes += [
            helper.make_node("Conv", [f"x{layer}", f"k{layer}"], [f"c{layer}"], pads=pads),
            helper.make_node("Relu", [f"c{layer}"], [f"a{layer}"]),
            helper.make_node("MaxPool", [f"a{layer}"], [f"x{layer + 1}"], kernel_shape=[2, 2], strides=[2, 2]),
        ]
        side //= 2
    last = len(channels) - 1
    num_inputs = channels[-1] * side * side
    nodes.append(helper.make_node("Flatten", [f"x{last}"], ["flat"]))
    nodes.append(helper.make_node("MatMul", ["flat", "w"], ["logits"]))
    constants["w"] = (rng.normal(size=(num_inputs, NUM_CLASSES)) / np.sqrt(num_inputs)).astype(np.float32)
    return _finish(nodes, TensorProto.UINT8, [spec.height, spec.width, spec.channels], constants)


def _finish(nodes: list[Any], kind: int, shape: list[int], constants: dict[str, Any]) -> onnx.ModelProto:
    return make_model(
        nodes,
        helper.make_tensor_value_info("inputs", kind, ["N", *shape]),
        helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", NUM_CLASSES]),
        constants,
    )
