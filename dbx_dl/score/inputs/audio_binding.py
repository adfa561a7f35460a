"""A column of recordings becomes the samples that a model takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dbx_dl.score.inputs.bound_rows import BoundRows
from dbx_dl.score.inputs.file_decoding import decode_rows
from dbx_dl.score.inputs.tensor_binding import take_column
from dbx_dl.score.inputs.wants import Want

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from dbx_dl.contracts import AudioSpec


@dataclass(frozen=True)
class RecordingBinding:
    """One input of samples, decoded by `transforms.audio` in `num_threads` threads."""

    input: str
    spec: AudioSpec
    num_threads: int = 1

    @property
    def columns(self) -> tuple[str, ...]:
        """The binary column."""
        return self.spec.columns

    @property
    def wants(self) -> tuple[Want, ...]:
        """A file's bytes."""
        return (Want(self.spec.column, "audio bytes"),)

    @property
    def row_bytes(self) -> int:
        """Bytes of a recording's samples in the input."""
        return 2 * self.spec.num_samples

    def bind(self, batch: pa.RecordBatch) -> BoundRows:
        """The samples of recordings that can be decoded; null and undecodable bytes are errors."""
        import numpy as np

        column = take_column(batch, self.spec.column)
        samples_ns = np.empty((len(column), self.spec.num_samples), np.int16)
        errors = decode_rows(column, self.spec, samples_ns, self.num_threads)
        rows = np.array([row for row in range(len(column)) if row not in errors], np.int64)
        return BoundRows({self.input: samples_ns if not errors else samples_ns[rows]}, rows, errors)

    def measure_rows(self, batch: pa.RecordBatch) -> np.ndarray | None:
        """None: all recordings have one length."""
        del batch
        return None
