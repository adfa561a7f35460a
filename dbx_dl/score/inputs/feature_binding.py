"""A table's raw columns become the inputs of the encoder that a model of dbx_dl carries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dbx_dl.contracts import HistorySpec, StepsSpec, find_text
from dbx_dl.score.inputs.bound_rows import BoundRows
from dbx_dl.score.inputs.wants import Want

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from dbx_dl.contracts import ColumnsSpec
    from dbx_dl.contracts.inputs import AnyFeature

_ELEMENTS = {
    "numeric": "number",
    "categorical": "category",
    "hashed": "category",
    "datetime": "timestamp",
    "text": "text",
    "id": "category",
}
# Texts up to twice as long are one group.
_SHORT_BYTES = 1024


@dataclass(frozen=True)
class FeatureBinding:
    """All inputs of a tabular model of dbx_dl; nulls are legal, the model fills them."""

    spec: ColumnsSpec

    @property
    def columns(self) -> tuple[str, ...]:
        """The raw columns."""
        return self.spec.columns

    @property
    def wants(self) -> tuple[Want, ...]:
        """What each of the columns must hold."""
        return tuple(want_of(feature) for feature in self.spec.features)

    @property
    def has_free_lengths(self) -> bool:
        """Whether rows differ in what they take up."""
        return find_text(self.spec) is not None or isinstance(self.spec, (HistorySpec, StepsSpec))

    @property
    def row_bytes(self) -> int:
        """Bytes of a row of encoded float64 features."""
        return 8 * max(self.spec.num_encoded, len(self.spec.features))

    def bind(self, batch: pa.RecordBatch) -> BoundRows:
        """The encoder's inputs; DataError as in `transforms.columns.to_model_inputs`."""
        import numpy as np

        from dbx_dl.transforms.columns import to_model_inputs

        if isinstance(self.spec, StepsSpec):
            return _bind_steps(batch, self.spec)
        return BoundRows(to_model_inputs(batch, self.spec), np.arange(batch.num_rows), {})

    def measure_rows(self, batch: pa.RecordBatch) -> np.ndarray | None:
        """None: every row has one shape. Texts go with others of about their length, which are cut together."""
        import numpy as np
        import pyarrow.compute as pc
        import pyarrow.types as types

        if isinstance(self.spec, HistorySpec):
            histories = batch.column(self.spec.history.column)
            # Without any history a batch has a column of nulls; what else is no array is told where it is bound.
            if not (types.is_list(histories.type) or types.is_large_list(histories.type)):
                return None
            lengths = pc.list_value_length(histories)
        elif (text := find_text(self.spec)) is not None:
            lengths = pc.binary_length(batch.column(text.column).cast("string"))
        else:
            return None
        num_bytes = pc.fill_null(lengths, 0)
        sizes = np.maximum(num_bytes.to_numpy(zero_copy_only=False) // _SHORT_BYTES, 1)
        classes: np.ndarray = np.floor(np.log2(sizes)).astype(np.int64).reshape(-1, 1)
        return classes


def _bind_steps(batch: pa.RecordBatch, spec: StepsSpec) -> BoundRows:
    """Numbers by step of the rows whose arrays are equally long; others are errors."""
    import numpy as np
    import pyarrow as pa

    from dbx_dl.transforms.columns import count_steps, to_model_inputs

    lengths_kn = count_steps(batch, spec)
    is_even = (lengths_kn == lengths_kn[0]).all(axis=0)
    errors = {row: _explain_uneven(spec, lengths_kn[:, row]) for row in np.flatnonzero(~is_even).tolist()}
    even = batch.filter(pa.array(is_even)) if errors else batch
    return BoundRows(to_model_inputs(even, spec), np.flatnonzero(is_even), errors)


def _explain_uneven(spec: StepsSpec, lengths: np.ndarray) -> str:
    found = ", ".join(f"{name!r} {length}" for name, length in zip(spec.columns, lengths.tolist(), strict=True))
    return f"uneven_steps: arrays of one row must be equally long, these have: {found}"


def want_of(feature: AnyFeature) -> Want:
    """What a column of a feature must hold."""
    if feature.kind == "embedding":
        return Want(feature.column, "number", (feature.size,))
    if feature.kind == "history":
        return Want(feature.column, "text", (None,))
    if feature.kind == "steps":
        return Want(feature.column, "number", (None,))
    return Want(feature.column, _ELEMENTS[feature.kind])
