"""An ONNX graph under construction: nodes, constants, and names that never equal a column's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class EncoderGraph:
    """Nodes and constants in order; every method that adds something returns the name of its value."""

    def __init__(self, input_names: Sequence[str]) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.described: list[Any] = []
        self._prefix = "encoder"
        while any(name.startswith(self._prefix) for name in input_names):
            self._prefix += "_"

    def add(self, operator: str, inputs: Sequence[str], output: str | None = None, **attributes: Any) -> str:
        """Append a node with one output."""
        from onnx import helper

        name = f"{self._prefix}/{len(self.nodes)}/{operator}"
        node = helper.make_node(operator, list(inputs), [output or name], name=name, **attributes)
        self.nodes.append(node)
        return output or name

    def constant(self, values: Any) -> str:
        """Append a constant of anything that NumPy takes (float64 or int64)."""
        import numpy as np
        from onnx import numpy_helper

        name = f"{self._prefix}/constant/{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def describe(self, value: str, element_type: int, shape: Sequence[int | str]) -> str:
        """Say what a value is where ONNX cannot know, behind an operator of another domain."""
        from onnx import helper

        self.described.append(helper.make_tensor_value_info(value, element_type, shape))
        return value

    def as_column(self, value: str) -> str:
        """(N,) -> (N, 1)."""
        return self.add("Unsqueeze", [value, self.constant([1])])

    def as_double(self, value: str) -> str:
        """Any numbers or booleans as float64."""
        from onnx import TensorProto

        return self.add("Cast", [value], to=TensorProto.DOUBLE)

    def side_by_side(self, blocks: Sequence[str]) -> str:
        """Blocks (N, k_i) -> (N, sum of k_i)."""
        return self.add("Concat", blocks, axis=1)
