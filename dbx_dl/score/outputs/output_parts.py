"""What comes out of a model, as fields of its predictions."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from dbx_dl.score.inputs.arrow_lists import as_maps, to_nested_lists, to_values
from dbx_dl.score.model.description import SQL_TYPES, MapKey

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa


class OutputPart(Protocol):
    """Some fields of the predictions, made of one output of the model."""

    @property
    def output(self) -> str:
        """The model's output."""

    @property
    def fields(self) -> dict[str, str]:
        """Name and SQL type of every field, in order."""

    def build(self, values: Any, wanted: Collection[str]) -> dict[str, pa.Array]:
        """The wanted fields of the output's rows."""

    def no_rows(self) -> Any:
        """What the output holds when there are no rows."""


@dataclass(frozen=True)
class PlainOutput:
    """An output as it is: (N,) and (N, 1) as one value, more dimensions as nested arrays; float16 becomes float."""

    output: str
    field: str
    dtype: str
    rank: int

    @property
    def fields(self) -> dict[str, str]:
        """The one field; `rank` counts the arrays around an element."""
        return {self.field: "array<" * self.rank + SQL_TYPES[self.dtype] + ">" * self.rank}

    def build(self, values: np.ndarray, wanted: Collection[str]) -> dict[str, pa.Array]:
        """The field of rows (N, …)."""
        del wanted
        return {self.field: to_nested_lists(values) if self.rank else to_values(values.reshape(-1))}

    def no_rows(self) -> np.ndarray:
        """An array without rows."""
        import numpy as np

        return np.empty((0, *[1] * self.rank), object if self.dtype == "string" else self.dtype)


@dataclass(frozen=True)
class NamedValues:
    """An output float64 (N, P) of P numbers that have names: a field for each."""

    output: str
    names: tuple[str, ...]

    @property
    def fields(self) -> dict[str, str]:
        """The names, double each."""
        return dict.fromkeys(self.names, "double")

    def build(self, values: np.ndarray, wanted: Collection[str]) -> dict[str, pa.Array]:
        """The wanted fields of rows (N, P)."""
        import numpy as np

        columns = {name: values[:, place] for place, name in enumerate(self.names) if name in wanted}
        return {name: to_values(np.ascontiguousarray(column)) for name, column in columns.items()}

    def no_rows(self) -> np.ndarray:
        """An array without rows."""
        import numpy as np

        return np.empty((0, len(self.names)), np.float64)


@dataclass(frozen=True)
class MapOutput:
    """A sequence of one map per row, as the classifiers of scikit-learn's converter give them."""

    output: str
    field: str
    key: MapKey
    dtype: str

    @property
    def fields(self) -> dict[str, str]:
        """The one field."""
        return {self.field: f"map<{SQL_TYPES[self.key]},{SQL_TYPES[self.dtype]}>"}

    def build(self, values: Sequence[dict[Any, Any]], wanted: Collection[str]) -> dict[str, pa.Array]:
        """The field of N maps."""
        import numpy as np
        import pyarrow as pa

        del wanted
        keys = pa.array([key for row in values for key in row], pa.string() if self.key == "string" else pa.int64())
        numbers = to_values(np.array([number for row in values for number in row.values()], self.dtype))
        offsets = np.concatenate([[0], np.cumsum([len(row) for row in values], dtype=np.int64)])
        return {self.field: as_maps(keys, numbers, offsets)}

    def no_rows(self) -> list[dict[Any, Any]]:
        """No maps."""
        return []
