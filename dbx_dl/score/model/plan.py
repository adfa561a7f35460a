"""How a model's inputs are bound and what comes out: one value for files of dbx_dl and of others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from dbx_dl.errors import DataError
from dbx_dl.runtime.tables import quote_column, suggest_name
from dbx_dl.score.inputs.arrow_lists import as_structs, spread_rows
from dbx_dl.score.inputs.audio_binding import RecordingBinding
from dbx_dl.score.inputs.bound_rows import Binding
from dbx_dl.score.inputs.feature_binding import FeatureBinding
from dbx_dl.score.inputs.image_binding import ImageBinding
from dbx_dl.score.inputs.tensor_binding import TensorBinding
from dbx_dl.score.outputs.output_parts import OutputPart
from dbx_dl.score.outputs.sequences import SequenceOutput

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from dbx_dl.score.inputs.wants import Want

ERROR_FIELD = "error"
MAX_BATCH_ROWS = 4096
MAX_BATCH_BYTES = 16 * 2**20
_IN_THREADS = (ImageBinding, RecordingBinding)


@dataclass(frozen=True)
class ScorePlan:
    """The bindings of a model's inputs, the parts of its predictions, and how many rows go in at once.

    `kept` are the fields that the predictions have (all without it). `frozen_rows` is the number of rows of every call
    where the file fixes it, `batch_rows` the number at once where it is given; else `batch_bytes` of inputs bound it.
    """

    bindings: tuple[Binding, ...]
    parts: tuple[OutputPart, ...]
    kept: tuple[str, ...] = ()
    frozen_rows: int | None = None
    batch_rows: int | None = None
    batch_bytes: int = MAX_BATCH_BYTES

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the raw columns, in the order in which they are given by position."""
        return tuple(dict.fromkeys(name for binding in self.bindings for name in binding.columns))

    @property
    def wants(self) -> tuple[Want, ...]:
        """What each of the columns must hold."""
        by_name = {want.name: want for binding in reversed(self.bindings) for want in binding.wants}
        return tuple(by_name[name] for name in self.columns)

    @cached_property
    def fields(self) -> dict[str, str]:
        """Name and SQL type of every field of a prediction, in order; the last one is `error`."""
        fields = {name: kind for part in self.parts for name, kind in part.fields.items()}
        kept = {name: fields[name] for name in self.kept} if self.kept else fields
        return {**kept, ERROR_FIELD: "string"}

    @property
    def ddl(self) -> str:
        """The fields as the DDL of a Spark struct."""
        return ", ".join(f"{quote_column(name)} {kind}" for name, kind in self.fields.items())

    @cached_property
    def outputs(self) -> tuple[str, ...]:
        """The model's outputs that the fields need."""
        wanted = set(self.fields)
        return tuple(dict.fromkeys(part.output for part in self.parts if wanted & set(part.fields)))

    @property
    def max_rows(self) -> int:
        """The most rows that go through the model at once."""
        if self.frozen_rows is not None:
            bounded = self.bound_rows(self.batch_rows or MAX_BATCH_ROWS)
            return max(self.frozen_rows, bounded - bounded % self.frozen_rows)
        return self.batch_rows or self.bound_rows(MAX_BATCH_ROWS)

    @property
    def max_tuned_rows(self) -> int:
        """The most rows that are tried: twice as many where binding is cheap and rows are small."""
        return self.max_rows if self.is_slow_to_bind else self.bound_rows(2 * MAX_BATCH_ROWS)

    def bound_rows(self, num_rows: int) -> int:
        """So many rows, or as many as `batch_bytes` hold."""
        row_bytes = max(1, sum(binding.row_bytes for binding in self.bindings))
        return max(1, min(num_rows, self.batch_bytes // row_bytes))

    def limit_rows(self, batch: pa.RecordBatch) -> int:
        """The most rows of this batch at once; fewer where lengths are free and the rows are long."""
        if batch.num_rows and any(map(_has_free_lengths, self.bindings)):
            return max(1, self.batch_bytes * int(batch.num_rows) // max(1, int(batch.nbytes)))
        return max(1, int(batch.num_rows))

    @property
    def is_slow_to_bind(self) -> bool:
        """Whether binding takes so long that it should go on beside the model."""
        return any(isinstance(binding, _IN_THREADS) for binding in self.bindings)

    def keep_fields(self, names: tuple[str, ...]) -> ScorePlan:
        """The plan for predictions with these fields only; DataError when there is no such field."""
        for name in names:
            if name not in self.fields:
                raise DataError(f"the model's predictions have no field {name!r}; {suggest_name(name, self.fields)}")
        return replace(self, kept=tuple(name for name in self.fields if name in names and name != ERROR_FIELD))

    def with_threads(self, num_threads: int) -> ScorePlan:
        """The plan with so many threads that decode files."""
        bindings = (
            replace(each, num_threads=num_threads) if isinstance(each, _IN_THREADS) else each for each in self.bindings
        )
        return replace(self, bindings=tuple(bindings))

    def for_columns(self, num_columns: int) -> ScorePlan:
        """The plan for so many columns by position: a single input (N, k) takes k columns of numbers too."""
        if num_columns in (1, len(self.columns)) or len(self.bindings) != 1:
            return self
        (binding,) = self.bindings
        if not isinstance(binding, TensorBinding) or len(binding.columns) > 1 or binding.dims != (num_columns,):
            return self
        names = tuple(f"{binding.input}_{place}" for place in range(num_columns))
        return replace(self, bindings=(replace(binding, columns=names),))

    def to_rows(self, values: Sequence[Any], num_rows: int) -> list[Any]:
        """What the model gave for `outputs`, with sequences of tensors as one value for each row; errors as there."""
        sequences = {part.output: part for part in self.parts if isinstance(part, SequenceOutput)}
        return [
            sequences[name].to_rows(found, num_rows) if name in sequences else found
            for name, found in zip(self.outputs, values, strict=True)
        ]

    def to_structs(
        self, groups: Sequence[tuple[np.ndarray, Mapping[str, Any]]], errors: Mapping[int, str], num_rows: int
    ) -> pa.StructArray:
        """Structs of the fields for `num_rows` rows; rows without an output are null beside their error.

        A group holds positions int64 (M,) and the outputs of these M rows by name.
        """
        import numpy as np
        import pyarrow as pa

        built = [self._build(outputs) for _, outputs in groups] or [self._build(None)]
        rows = np.concatenate([rows for rows, _ in groups]) if groups else np.empty(0, np.int64)
        arrays: dict[str, pa.Array] = {}
        for name in self.fields:
            if name != ERROR_FIELD:
                whole = built[0][name] if len(built) == 1 else pa.concat_arrays([each[name] for each in built])
                arrays[name] = spread_rows(whole, rows, num_rows)
        return as_structs({**arrays, ERROR_FIELD: _to_errors(errors, num_rows)})

    def _build(self, outputs: Mapping[str, Any] | None) -> dict[str, pa.Array]:
        """The fields of the outputs' rows; without outputs, of no rows."""
        wanted = set(self.fields)
        arrays: dict[str, pa.Array] = {}
        for part in self.parts:
            if wanted & set(part.fields):
                arrays |= part.build(part.no_rows() if outputs is None else outputs[part.output], wanted)
        return arrays


def _has_free_lengths(binding: Binding) -> bool:
    if isinstance(binding, TensorBinding):
        return None in binding.dims
    return isinstance(binding, FeatureBinding) and binding.has_free_lengths


def _to_errors(errors: Mapping[int, str], num_rows: int) -> pa.Array:
    import pyarrow as pa

    if not errors:
        return pa.nulls(num_rows, pa.string())
    return pa.array([errors.get(row) for row in range(num_rows)], pa.string())
