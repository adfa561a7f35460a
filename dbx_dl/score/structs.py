"""A model's outputs as prediction structs: which fields they have is decided by the model's task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from dbx_dl.contracts import ModelMetadata, OutputKind

# From this probability on a label is one of a row's labels, as in `metrics.multilabel_metrics`.
LABEL_THRESHOLD = 0.5

_CLASS_FIELDS = {"label": "string", "probability": "double", "probabilities": "array<float>"}
_NUMBER_FIELDS = {"value": "double"}
FIELDS_BY_TASK: dict[str, dict[str, str]] = {
    "binary": _CLASS_FIELDS,
    "multiclass": _CLASS_FIELDS,
    "multilabel": {"labels": "array<string>", "probabilities": "array<float>"},
    "regression": _NUMBER_FIELDS,
    "count": _NUMBER_FIELDS,
}


def prediction_fields(metadata: ModelMetadata) -> dict[str, str]:
    """Name and SQL type of every field of a model's predictions, in order; the last one is `error`.

    Classes: label, probability, probabilities. Multilabel: labels (from 0.5 on), probabilities. Numbers: value, in the
    label's own unit. With embeddings a further field `embedding`.
    """
    embedding = {"embedding": "array<float>"} if "embedding" in metadata.output_kinds else {}
    return {**FIELDS_BY_TASK[metadata.target.task], **embedding, "error": "string"}


def prediction_ddl(metadata: ModelMetadata) -> str:
    """The fields as the DDL of a Spark struct."""
    return ", ".join(f"{name} {kind}" for name, kind in prediction_fields(metadata).items())


def to_structs(
    outputs: Mapping[OutputKind, np.ndarray], errors: Mapping[int, str], metadata: ModelMetadata
) -> pa.StructArray:
    """Structs of type `prediction_ddl` from a model's outputs of N rows; rows in `errors` are null beside their text.

    `outputs` are probabilities float32 (N, number of labels) or value float64 (N,), and embedding float32 (N, K).
    """
    import numpy as np
    import pyarrow as pa

    num_rows = len(next(iter(outputs.values())))
    failed = np.zeros(num_rows, bool)
    failed[list(errors)] = True
    arrays: dict[str, pa.Array] = {}
    if "value" in outputs:
        arrays["value"] = pa.array(outputs["value"], pa.float64(), mask=failed)
    elif metadata.target.task == "multilabel":
        arrays["labels"] = _to_label_sets(outputs["probabilities"], failed, metadata.target.label_names)
    else:
        arrays |= _to_best_labels(outputs["probabilities"], failed, metadata.target.label_names)
    for kind in ("probabilities", "embedding"):
        if kind in outputs:
            arrays[kind] = _to_lists(outputs[kind], failed)
    arrays["error"] = _to_errors(errors, num_rows)
    names = list(prediction_fields(metadata))
    return pa.StructArray.from_arrays([arrays[name] for name in names], names=names)


def _to_best_labels(
    probabilities_nc: np.ndarray, failed: np.ndarray, label_names: tuple[str, ...]
) -> dict[str, pa.Array]:
    import numpy as np
    import pyarrow as pa

    best = np.where(failed, 0, probabilities_nc.argmax(axis=1))  # of NaN it is any
    return {
        "label": pa.array(label_names, pa.string()).take(pa.array(best, mask=failed)),
        "probability": pa.array(probabilities_nc[np.arange(len(failed)), best].astype(np.float64), mask=failed),
    }


def _to_label_sets(probabilities_nl: np.ndarray, failed: np.ndarray, label_names: tuple[str, ...]) -> pa.Array:
    import numpy as np
    import pyarrow as pa

    has_label_nl = (probabilities_nl >= LABEL_THRESHOLD) & ~failed[:, None]
    chosen = pa.array(label_names, pa.string()).take(pa.array(np.nonzero(has_label_nl)[1]))
    return _as_lists(chosen, has_label_nl.sum(axis=1), failed)


def _to_lists(values_nk: np.ndarray, failed: np.ndarray) -> pa.Array:
    import numpy as np
    import pyarrow as pa

    kept_nk = values_nk[~failed] if failed.any() else values_nk
    return _as_lists(pa.array(kept_nk.reshape(-1)), np.where(failed, 0, values_nk.shape[1]), failed)


def _as_lists(values: pa.Array, sizes: np.ndarray, failed: np.ndarray) -> pa.Array:
    """Lists of so many of `values` each, null where failed, of the type that Spark expects."""
    import numpy as np
    import pyarrow as pa

    offsets = pa.array(np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32))
    mask = pa.array(failed) if failed.any() else None
    return pa.ListArray.from_arrays(offsets, values, type=pa.list_(pa.field("element", values.type)), mask=mask)


def _to_errors(errors: Mapping[int, str], num_rows: int) -> pa.Array:
    import pyarrow as pa

    if not errors:
        return pa.nulls(num_rows, pa.string())
    return pa.array([errors.get(row) for row in range(num_rows)], pa.string())
