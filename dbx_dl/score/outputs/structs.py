"""The prediction structs of models of dbx_dl: which fields they have is decided by the model's task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from dbx_dl.score.model.own_models import name_outputs, plan_own

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from dbx_dl.contracts import ModelMetadata, OutputKind


def prediction_fields(metadata: ModelMetadata) -> dict[str, str]:
    """Name and SQL type of every field of a model's predictions, in order; the last one is `error`.

    Classes: label, probability, probabilities. Multilabel: labels (from 0.5 on), probabilities. Numbers: value, in the
    label's own unit. Boxes: boxes. Masks: mask, areas. With embeddings a further field `embedding`.
    """
    return plan_own(metadata).fields


def to_structs(
    outputs: Mapping[OutputKind, np.ndarray], errors: Mapping[int, str], metadata: ModelMetadata
) -> pa.StructArray:
    """Structs with the fields of `prediction_fields` of N rows; rows in `errors` are null beside their text.

    `outputs` are probabilities float32 (N, number of labels), value float64 (N,) or values float64 (N, P), and
    embedding float32 (N, K).
    """
    import numpy as np

    num_rows = len(next(iter(outputs.values())))
    rows = np.array([row for row in range(num_rows) if row not in errors], np.int64)
    names = name_outputs(metadata)
    kept = {names[kind]: values[rows] if errors else values for kind, values in outputs.items()}
    return plan_own(metadata).to_structs([(rows, kept)], errors, num_rows)
