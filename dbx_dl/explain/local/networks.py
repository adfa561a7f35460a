"""Rows explained by the gradients of the network itself, in a process that loads its framework alone."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbx_dl.contracts import FeatureSpec, ImageSpec, StepsSpec, TextSpec
from dbx_dl.errors import SetupError
from dbx_dl.explain.explained import ExplainedRows
from dbx_dl.explain.local.images import find_image
from dbx_dl.explain.local.tokens import cut_texts, name_step, name_tokens
from dbx_dl.explain.network_process import FOUND_FILE, ROWS_FILE
from dbx_dl.runtime.array_files import write_arrays
from dbx_dl.runtime.gpus import WITHOUT_GPUS
from dbx_dl.runtime.processes import call_in_process
from dbx_dl.transforms.columns import TabularEncoder
from dbx_dl.transforms.encoder.steps import length_input

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from dbx_dl.explain.local.opened import OpenedModel

_PROCESS = "dbx_dl.explain.network_process:explain_rows"


def explain_by_gradients(opened: OpenedModel, batch: pa.RecordBatch, rows: Mapping[str, NDArray[Any]]) -> ExplainedRows:
    """Heat maps of images, contributions of columns, tokens or steps; scores are the network's own outputs."""
    places = opened.scorer.choose(rows)
    network_rows = _encode(opened, batch, rows)
    found = _call(opened, network_rows, places)
    labels, scores = opened.name(places), found["scores"]
    base, gaps = found.get("base"), found.get("gaps")
    if isinstance(opened.inputs, ImageSpec):
        return ExplainedRows(
            labels, scores, base, gaps, heat_nhw=found["contributions"], pixels_nhwc=network_rows.astype("uint8")
        )
    contributions = _name_contributions(opened, rows, found["contributions"])
    if gaps is not None:
        gaps = gaps + sum_unnamed(found["contributions"], contributions)
    return ExplainedRows(labels, scores, base, gaps, contributions)


def _encode(opened: OpenedModel, batch: pa.RecordBatch, rows: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    """What the network itself takes."""
    spec = opened.inputs
    if isinstance(spec, ImageSpec):
        return rows[find_image(opened.session.plan, opened.options.method or "").input]
    assert isinstance(spec, FeatureSpec | TextSpec | StepsSpec)
    return TabularEncoder(spec).encode(batch)


def _call(opened: OpenedModel, rows: NDArray[Any], places: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    import numpy as np

    assert opened.network is not None and opened.weights is not None
    # A regression's network has one output, however its value is called.
    outputs = places if opened.network.target.label_names else np.zeros_like(places)
    with tempfile.TemporaryDirectory(prefix="dbx_dl_explain_") as folder:
        write_arrays(Path(folder) / ROWS_FILE, {"inputs": rows, "outputs": outputs})
        arguments = {
            "network": opened.network.model_dump(mode="json"),
            "weights": str(opened.weights),
            "directory": folder,
            "method": opened.options.method,
            "options": opened.options.gradients.model_dump(mode="json"),
        }
        try:
            call_in_process(_PROCESS, arguments, environment=WITHOUT_GPUS)
        except RuntimeError as error:  # of no single row: all others would fail too
            raise SetupError(f"the network cannot explain: {tell_cause(str(error))}") from None
        with np.load(Path(folder) / FOUND_FILE, allow_pickle=False) as saved:
            return dict(saved)


def tell_cause(text: str) -> str:
    """How a process ended and its last words, of an error that has its traceback or output in between."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " ".join(dict.fromkeys([*lines[:1], *lines[-1:]]))


def _name_contributions(
    opened: OpenedModel, rows: Mapping[str, NDArray[Any]], found: NDArray[Any]
) -> list[dict[str, float]]:
    """Contributions by the names of columns, tokens or steps, of what the network takes, row by row."""
    spec = opened.inputs
    if isinstance(spec, FeatureSpec):
        return _sum_columns(spec, found)
    if isinstance(spec, TextSpec):
        texts = cut_texts(spec.text, list(rows[spec.text.column]))
        return [
            dict(zip(name_tokens(tokens[: spec.text.max_length]), values.tolist(), strict=False))
            for tokens, values in zip(texts, found, strict=True)
        ]
    assert isinstance(spec, StepsSpec)
    lengths = rows[length_input(spec)].tolist()
    return [
        {
            name_step(column, step): float(values[step, number])
            for number, column in enumerate(spec.columns)
            for step in range(min(length, spec.max_steps))
        }
        for values, length in zip(found, lengths, strict=True)
    ]


def sum_unnamed(found: NDArray[Any], contributions: Sequence[Mapping[str, float]]) -> NDArray[np.float64]:
    """What is of no name that is told, such as of padding behind a text, (N,): to a reader that is unexplained."""
    import numpy as np

    named = np.array([sum(each.values()) for each in contributions])
    return np.asarray(found.reshape(len(found), -1).sum(axis=1) - named)


def _sum_columns(spec: FeatureSpec, found: NDArray[Any]) -> list[dict[str, float]]:
    """What the numbers add that a column was encoded as, (N, K), is that column's."""
    import numpy as np

    starts = np.cumsum([0, *(feature.num_encoded for feature in spec.features)])
    sums = {
        feature.column: found[:, start:stop].sum(axis=1)
        for feature, start, stop in zip(spec.features, starts[:-1], starts[1:], strict=True)
    }
    return [{name: float(values[row]) for name, values in sums.items()} for row in range(len(found))]
