"""Runs in a process of its own: rebuild a trained network, write it as ONNX, note what it gives for held-out rows."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbx_dl.contracts import SPLITS, Split, TrainedModel
from dbx_dl.errors import DataError, ExportError
from dbx_dl.export.latency import time_calls
from dbx_dl.frameworks.rebuilding import rebuild_network
from dbx_dl.runtime.array_files import write_arrays

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from dbx_dl.contracts import InputSpec, PreparedTable

NETWORK_FILE = "network.onnx"
OUTPUTS_FILE = "outputs.npz"


def export_network(
    trained: dict[str, Any], directory: str, opset: int, num_rows: int, embeddings: str | None = None
) -> dict[str, Any]:
    """Write `network.onnx` and `outputs.npz`: the network's own `logits` float32 (N, C) of `held_out_rows`.

    With the name of a layer in `embeddings` both hold its values too, `embedding` float32 (N, K). Only the framework of
    `trained` (a TrainedModel as JSON) is loaded. Returns the versions of what was used.
    """
    model = TrainedModel.model_validate(trained)
    rebuilt = rebuild_network(model, Path(model.weights.path))
    rebuilt.framework.export_network(
        rebuilt.network, rebuilt.request, Path(directory) / NETWORK_FILE, opset, embeddings
    )
    inputs = _read_inputs(model, num_rows)
    outputs = {"logits": rebuilt.objective.predict(inputs)}
    if embeddings is not None:
        outputs["embedding"] = rebuilt.framework.predict_embeddings(rebuilt.network, embeddings, inputs)
    write_arrays(Path(directory) / OUTPUTS_FILE, outputs)
    return rebuilt.framework.describe_versions()


def time_network(trained: dict[str, Any], directory: str, num_rows: int, sizes: list[int]) -> list[float]:
    """Milliseconds per call of the network itself by batch size, and `outputs.npz` as `export_network` writes it."""
    import numpy as np

    model = TrainedModel.model_validate(trained)
    objective = rebuild_network(model, Path(model.weights.path)).objective
    inputs = _read_inputs(model, num_rows)
    write_arrays(Path(directory) / OUTPUTS_FILE, {"logits": objective.predict(inputs)})
    return [time_calls(partial(objective.predict, inputs[np.arange(size) % len(inputs)])) for size in sizes]


def _read_inputs(model: TrainedModel, num_rows: int) -> np.ndarray:
    return network_inputs(held_out_rows(model.prepared, num_rows)[1], model.prepared.inputs)


def held_out_rows(prepared: PreparedTable, num_rows: int) -> tuple[Split, pa.Table]:
    """The first raw rows, in key order, of the test split, or of validation or train where a table has no others.

    Columns: the key, the inputs, `label_index`. ExportError when the table has no rows at all.
    """
    from dbx_dl.feed.rows import read_rows

    for split in reversed(SPLITS):
        if prepared.split_rows.get(split, 0):
            return split, read_rows(prepared, split, num_rows)
    raise ExportError(f"table {prepared.table.name} version {prepared.table.version} has no rows to check a model on")


def network_inputs(rows: pa.Table, inputs: InputSpec) -> np.ndarray:
    """What the network itself takes: decoded files (N, ...), float32 features (N, K) or token ids."""
    import numpy as np

    from dbx_dl.contracts import FileSpec
    from dbx_dl.transforms.columns import TabularEncoder
    from dbx_dl.transforms.files import decode_file

    if not isinstance(inputs, FileSpec):
        return TabularEncoder(inputs).encode(rows)
    contents = rows.column(inputs.column).to_pylist()
    if None in contents:
        raise DataError(f"row {contents.index(None)} of the held-out rows has no file")
    return np.stack([decode_file(content, inputs) for content in contents])
