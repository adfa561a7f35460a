"""What encodings share whose rows are one row of numbers."""

from __future__ import annotations

from dbx_dl.contracts.contract import Contract


class FlatRow(Contract):
    """An encoding into rows of `num_encoded` numbers."""

    @property
    def num_encoded(self) -> int:
        """Numbers of a row."""
        raise NotImplementedError

    @property
    def row_shape(self) -> tuple[int, ...]:
        """Shape of one row's input to a network."""
        return (self.num_encoded,)
