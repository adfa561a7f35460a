"""A column of files becomes what a model takes of them, in threads; whatever is wrong with one costs its own row."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TYPE_CHECKING

from dbx_dl.errors import SetupError
from dbx_dl.transforms.files import decode_file
from dbx_dl.transforms.undecodable import UndecodableError

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from dbx_dl.contracts import FileSpec

# A thread of its own for fewer files costs more than it brings.
_FILES_PER_THREAD = 8


def decode_rows(column: pa.Array, spec: FileSpec, inputs: np.ndarray, num_threads: int = 1) -> dict[int, str]:
    """Fill `inputs` (N, *row_shape) with what decoded files become; the reason of every row that has none."""
    num_rows = len(column)
    num_parts = max(1, min(num_threads, num_rows // _FILES_PER_THREAD))
    if num_parts == 1:
        return _decode_part(column, spec, inputs, 0)
    bounds = [num_rows * part // num_parts for part in range(num_parts + 1)]
    with ThreadPoolExecutor(num_parts) as pool:
        futures = [
            pool.submit(_decode_part, column.slice(start, stop - start), spec, inputs[start:stop], start)
            for start, stop in pairwise(bounds)
        ]
        return {row: text for future in futures for row, text in future.result().items()}


def _decode_part(column: pa.Array, spec: FileSpec, inputs: np.ndarray, first_row: int) -> dict[int, str]:
    errors: dict[int, str] = {}
    for place, data in enumerate(column.to_pylist()):
        if data is None:
            errors[first_row + place] = f"null: column {spec.column!r} is null"
            continue
        try:
            decode_file(data, spec, inputs[place])
        except UndecodableError as error:
            errors[first_row + place] = f"{error.code}: {error.detail}"
        except SetupError:
            raise
        except Exception as error:  # whatever a file makes a decoder do, it costs its own row only
            errors[first_row + place] = f"corrupt: {type(error).__name__}: {error}"
    return errors
