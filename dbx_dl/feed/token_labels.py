"""Labels that are texts: the ids of their tokens, by the operators that cut texts everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dbx_dl.contracts import TextSpec
from dbx_dl.errors import DataError
from dbx_dl.transforms.columns import TabularEncoder

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from dbx_dl.contracts import TextFeature


class TokenReader:
    """Ids int64 (N, T) of the texts in a column, 0 behind the last token; further tokens are left out."""

    dtype = "int64"
    flip_label = None

    def __init__(self, text: TextFeature) -> None:
        self.columns = (text.column,)
        self.row_shape = (text.max_length,)
        self._encoder = TabularEncoder(TextSpec(text=text))

    def read(self, table: pa.Table, place: str) -> NDArray[np.int64]:
        """The ids of a table's rows; DataError, naming `place`, when a row has no text."""
        if table.column(self.columns[0]).null_count:
            raise DataError(f"{place} has rows without {self.columns[0]}: run the prepare stage again")
        return self._encoder.encode(table).astype(np.int64)
