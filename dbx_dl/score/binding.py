"""Arrow columns become a model's input arrays; rows that cannot are set aside with the reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dbx_dl.contracts import FeatureSpec, ImageSpec
from dbx_dl.errors import DataError
from dbx_dl.score.session import PIXELS_NAME

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from dbx_dl.contracts import InputSpec

MAX_BATCH_ROWS = 4096
MAX_BATCH_BYTES = 16 * 2**20


@dataclass(frozen=True)
class BoundRows:
    """The rows of a batch that a model can take.

    `inputs` holds arrays of len(rows) rows by input name, `rows` int64 their positions in the batch, `errors` the
    reason for every other position.
    """

    inputs: dict[str, np.ndarray]
    rows: np.ndarray
    errors: dict[int, str]


def count_batch_rows(inputs: InputSpec) -> int:
    """Rows that go through the model at once: bounded by number, and by bytes of pixels or of float64 features."""
    if isinstance(inputs, ImageSpec):
        row_bytes = inputs.height * inputs.width * inputs.channels
    else:
        row_bytes = 8 * max(inputs.num_encoded, len(inputs.features))
    return max(1, min(MAX_BATCH_ROWS, MAX_BATCH_BYTES // row_bytes))


def name_columns(arrays: list[pa.Array], inputs: InputSpec) -> pa.RecordBatch:
    """The columns of a call, named as the model's inputs: by position, or by field name of a single struct column.

    A null struct counts as a row of nulls. DataError when number, names or types of the columns do not fit.
    """
    import pyarrow as pa

    if len(arrays) == 1 and pa.types.is_struct(arrays[0].type):
        struct = arrays[0]
        return pa.RecordBatch.from_arrays(struct.flatten(), names=[field.name for field in struct.type])
    names = input_columns(inputs)
    if len(arrays) != len(names):
        raise DataError(f"the model takes {len(names)} columns ({', '.join(names)}), {len(arrays)} were given")
    return pa.RecordBatch.from_arrays(arrays, names=list(names))


def input_columns(inputs: InputSpec) -> tuple[str, ...]:
    """Names of the raw columns that a model takes, in its order."""
    return (inputs.column,) if isinstance(inputs, ImageSpec) else inputs.columns


def bind_rows(batch: pa.RecordBatch, inputs: InputSpec) -> BoundRows:
    """The model's input arrays for a batch whose columns have the model's names.

    Images: null and undecodable bytes become errors. Tables: nulls are legal, the model fills them.
    """
    if isinstance(inputs, ImageSpec):
        return _bind_images(batch, inputs)
    return _bind_columns(batch, inputs)


def _bind_columns(batch: pa.RecordBatch, spec: FeatureSpec) -> BoundRows:
    import numpy as np

    from dbx_dl.transforms.columns import to_model_inputs

    return BoundRows(to_model_inputs(batch, spec), np.arange(batch.num_rows), {})


def _bind_images(batch: pa.RecordBatch, spec: ImageSpec) -> BoundRows:
    import numpy as np

    from dbx_dl.transforms.images import UndecodableImageError, decode_image

    pixels_nhwc = np.empty((batch.num_rows, spec.height, spec.width, spec.channels), np.uint8)
    rows: list[int] = []
    errors: dict[int, str] = {}
    for row, data in enumerate(batch.column(spec.column).to_pylist()):
        if data is None:
            errors[row] = f"null: column {spec.column!r} is null"
            continue
        try:
            pixels_nhwc[len(rows)] = decode_image(data, spec)
        except UndecodableImageError as error:
            errors[row] = f"{error.code}: {error.detail}"
        except Exception as error:  # whatever a file makes a decoder do, it costs its own row only
            errors[row] = f"corrupt: {type(error).__name__}: {error}"
        else:
            rows.append(row)
    return BoundRows({PIXELS_NAME: pixels_nhwc[: len(rows)]}, np.array(rows, np.int64), errors)
