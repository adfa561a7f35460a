"""A picture of texts that were written for test rows, beside the true ones and what they were written of."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dbx_dl.contracts import FileSpec
from dbx_dl.score.outputs.sentences import Sentences
from dbx_dl.train.attention import FILE, draw_attention

if TYPE_CHECKING:
    from dbx_dl.contracts import PreparedTable, TextFeature
    from dbx_dl.train.tracking import TrackedRun

_NUM_TEXTS = 16


def log_texts(run: TrackedRun, prepared: PreparedTable, text: TextFeature, predictions: Path) -> None:
    """Log `sample_predictions`, some rows evenly spaced in key order, and `attention`; nothing without rows."""
    from dbx_dl import figures, text_figures
    from dbx_dl.feed.rows import read_rows
    from dbx_dl.transforms.pictures import draw_file

    with np.load(predictions, allow_pickle=False) as arrays:
        keys, labels, written = arrays["keys"], arrays["labels"], arrays["predictions"]
    if not len(keys):
        return
    attention = draw_attention(prepared, predictions.with_name(FILE))
    if attention is not None:
        run.log_figure(attention, "attention")
    chosen = np.unique(np.linspace(0, len(keys) - 1, min(_NUM_TEXTS, len(keys))).round().astype(np.int64))
    part = Sentences("tokens", text.vocabulary, prepared.target.joiner)
    found = part.build(written[chosen], part.fields)
    predicted = list(zip(found["text"].to_pylist(), found["probability"].to_pylist(), strict=True))
    true = np.stack([labels[chosen], np.ones_like(labels[chosen])], axis=1)
    truths = part.build(true, part.fields)["text"].to_pylist()
    rows = read_rows(prepared, "test", keys=keys[chosen].tolist())
    if isinstance(prepared.inputs, FileSpec):
        images = [draw_file(data, prepared.inputs) for data in rows.column(prepared.inputs.column).to_pylist()]
        run.log_figure(figures.sample_predictions(images, truths, predicted), "sample_predictions")
        return
    given = [value or "" for value in rows.column(prepared.inputs.columns[0]).to_pylist()]
    run.log_figure(text_figures.sample_texts(given, truths, predicted), "sample_predictions")
