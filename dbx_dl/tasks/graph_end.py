"""Nodes and constants that are put at the end of an ONNX graph, with names that nothing else has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import onnx


class GraphEnd:
    """The end of a model's graph, which it changes."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self._graph = model.graph
        self._prefix = "head"
        taken = {name for node in model.graph.node for name in (*node.input, *node.output)}
        taken |= {value.name for value in (*model.graph.input, *model.graph.initializer)}
        while any(name.startswith(self._prefix) for name in taken):
            self._prefix += "_"

    def add(self, operator: str, inputs: Sequence[str], output: str | None = None, **attributes: Any) -> str:
        """Add a node; the name of what it gives."""
        from onnx import helper

        name = f"{self._prefix}/{len(self._graph.node)}/{operator}"
        self._graph.node.append(helper.make_node(operator, list(inputs), [output or name], name=name, **attributes))
        return output or name

    def constant(self, value: Any) -> str:
        """The name of a constant tensor."""
        import numpy as np
        from onnx import numpy_helper

        name = f"{self._prefix}/constant/{len(self._graph.initializer)}"
        self._graph.initializer.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def add_two(self, operator: str, inputs: Sequence[str], **attributes: Any) -> tuple[str, str]:
        """Add a node that gives two values; the names of both."""
        from onnx import helper

        name = f"{self._prefix}/{len(self._graph.node)}/{operator}"
        first, second = f"{name}/first", f"{name}/second"
        self._graph.node.append(helper.make_node(operator, list(inputs), [first, second], name=name, **attributes))
        return first, second

    def split(self, values: str) -> tuple[str, str]:
        """(N, 2 D) -> the first and the second (N, D)."""
        return self.add_two("Split", [values], axis=1, num_outputs=2)

    def as_doubles(self, logits: str) -> str:
        """float32 (N, 1) -> float64 (N,)."""
        return self.to_doubles(self.add("Squeeze", [logits, self.constant([1])]))

    def to_floats(self, values: str) -> str:
        """Any numbers or booleans as float32, in their shape."""
        from onnx import TensorProto

        return self.add("Cast", [values], to=TensorProto.FLOAT)

    def to_doubles(self, values: str) -> str:
        """Any numbers as float64, in their shape."""
        from onnx import TensorProto

        return self.add("Cast", [values], to=TensorProto.DOUBLE)
