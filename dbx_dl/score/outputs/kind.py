"""What scoring asks of a kind of prediction: which fields it becomes, and how these are read back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from dbx_dl.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from dbx_dl.contracts import ModelMetadata, Target
    from dbx_dl.score.outputs.class_scores import ClassChoices
    from dbx_dl.score.outputs.output_parts import OutputPart


class Kind(Protocol):
    """One kind of prediction.

    With `has_size` predictions can only be compared with the truth of a table whose images are as large.
    """

    @property
    def has_size(self) -> bool: ...

    def plan(self, output: str, metadata: ModelMetadata, choices: ClassChoices | None) -> OutputPart:
        """The fields that are made of the file's output; ConfigError when the choices cannot be met."""

    def list_columns(self, target: Target) -> tuple[str, ...]:
        """The fields that hold the predictions themselves."""

    def read(self, predictions: pa.Table, target: Target) -> NDArray[np.floating]:
        """Predictions (N, ...), as a `Task` measures them, of a table with these fields."""


class WithoutChoices:
    """A kind that has no classes to choose from; `what` says for people what is predicted in their place."""

    what: str = "numbers"
    has_size: bool = False

    def plan(self, output: str, metadata: ModelMetadata, choices: ClassChoices | None) -> OutputPart:
        """See `make`."""
        if choices is not None:
            raise ConfigError(f"the model predicts {self.what}: there are no labels for top_k, probability_of or maps")
        return self.make(output, metadata.target)

    def make(self, output: str, target: Target) -> OutputPart:
        """The fields that are made of the file's output."""
        raise NotImplementedError


class OneColumn:
    """A kind whose predictions are in one field, `column`."""

    column: str

    def list_columns(self, target: Target) -> tuple[str, ...]:
        """It alone."""
        del target
        return (self.column,)
