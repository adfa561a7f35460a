"""What ONNX Runtime says of a file's inputs and outputs: names, element types and shapes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from dbx_dl.errors import DataError

# ONNX Runtime's name of an element type -> NumPy's, and the SQL type of such an element as it comes out.
ELEMENTS = {
    "float16": ("float16", "float"),
    "float": ("float32", "float"),
    "double": ("float64", "double"),
    "int8": ("int8", "tinyint"),
    "int16": ("int16", "smallint"),
    "int32": ("int32", "int"),
    "int64": ("int64", "bigint"),
    "uint8": ("uint8", "smallint"),
    "uint16": ("uint16", "int"),
    "uint32": ("uint32", "bigint"),
    "uint64": ("uint64", "decimal(20,0)"),
    "bool": ("bool", "boolean"),
    "string": ("string", "string"),
}
SQL_TYPES = dict(ELEMENTS.values())
ITEM_BYTES = {"float16": 2, "float32": 4, "float64": 8, "int8": 1, "int16": 2, "int32": 4, "int64": 8}
ITEM_BYTES |= {f"u{name}": size for name, size in ITEM_BYTES.items() if name.startswith("int")} | {"bool": 1}
MapKey = Literal["string", "int64"]
# What a sequence of tensors has one of for each row: an entry, or a slice of every entry.
SequenceKind = Literal["unsettled", "entry", "slices"]
_TENSOR = re.compile(r"tensor\((\w+)\)")
_MAPS = re.compile(r"seq\(map\((string|int64),tensor\((\w+)\)\)\)")
_SEQUENCE = re.compile(r"seq\(tensor\((\w+)\)\)")


@dataclass(frozen=True)
class TensorFacts:
    """One input or output of a file.

    `dtype` is NumPy's name of the elements, `string` for text, and ONNX Runtime's own name of a type that Spark has no
    columns for. `rows` is the first dimension, `dims` are the others; None is a free one. `has_rows` is false for a
    tensor without dimensions, or whose number of dimensions the file does not say. `map_key` is string or int64 for a
    sequence of one map per row, whose values then are of `dtype`. `sequence` says of one of tensors what belongs to a
    row; its `dims` then are those of a row's nested arrays, and it has no rows while that is unsettled.
    """

    name: str
    dtype: str
    rows: int | None
    dims: tuple[int | None, ...]
    has_rows: bool = True
    map_key: MapKey | None = None
    sequence: SequenceKind | None = None

    @property
    def is_known(self) -> bool:
        """Whether Spark has columns for the elements."""
        return self.dtype in SQL_TYPES

    @property
    def is_scalar(self) -> bool:
        """Whether a row holds one element: shapes (N,) and (N, 1)."""
        return self.dims in ((), (1,))

    @property
    def row_bytes(self) -> int:
        """Bytes of one row, a free dimension counted as 1 and a text as 32 bytes."""
        size = ITEM_BYTES.get(self.dtype, 32)
        for dim in self.dims:
            size *= dim or 1
        return size

    def __str__(self) -> str:
        shape = ("N" if self.rows is None else str(self.rows), *("?" if dim is None else str(dim) for dim in self.dims))
        dtype = self.dtype if self.map_key is None else f"map<{self.map_key}, {self.dtype}>"
        if self.sequence is not None:
            return f"{self.name}: sequence of {dtype} tensors"
        return f"{self.name}: {dtype} ({', '.join(shape) if self.has_rows else ''})"


@dataclass(frozen=True)
class FileFacts:
    """All inputs and outputs of a file, in its order."""

    inputs: tuple[TensorFacts, ...]
    outputs: tuple[TensorFacts, ...]

    @property
    def frozen_rows(self) -> int | None:
        """The number of rows that every call must have, where the file fixes it.

        DataError when its inputs do not agree on one.
        """
        found = {facts.rows for facts in self.inputs if facts.rows is not None}
        if len(found) > 1:
            shown = "; ".join(str(facts) for facts in self.inputs)
            raise DataError(f"the model's inputs differ in their first dimension, which must be the rows: {shown}")
        return found.pop() if found else None


def describe_file(session: Any) -> FileFacts:
    """The inputs and outputs of an onnxruntime.InferenceSession."""
    return FileFacts(
        tuple(describe_tensor(each.name, each.type, each.shape) for each in session.get_inputs()),
        tuple(describe_tensor(each.name, each.type, each.shape) for each in session.get_outputs()),
    )


def describe_tensor(name: str, kind: str, shape: Sequence[Any]) -> TensorFacts:
    """The facts of a tensor as ONNX Runtime tells them: its type such as `tensor(float)`, free dimensions as text."""
    maps = _MAPS.fullmatch(kind)
    if maps:
        dtype = ELEMENTS.get(maps[2], (kind, ""))[0]
        return TensorFacts(name, dtype, None, (), map_key="string" if maps[1] == "string" else "int64")
    sequence = _SEQUENCE.fullmatch(kind)
    if sequence:
        dtype = ELEMENTS.get(sequence[1], (kind, ""))[0]
        return TensorFacts(name, dtype, None, (), has_rows=False, sequence="unsettled")
    tensor = _TENSOR.fullmatch(kind)
    dtype = ELEMENTS.get(tensor[1], (kind, ""))[0] if tensor else kind
    sizes = [size if isinstance(size, int) and size > 0 else None for size in shape]
    return TensorFacts(name, dtype, sizes[0] if sizes else None, tuple(sizes[1:]), has_rows=bool(sizes))
