"""Texts that a model wrote for test rows, beside the true ones."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dbx_dl.errors import DataError
from dbx_dl.monitor.run_report.samples import Sample, order_samples
from dbx_dl.score.outputs.sentences import Sentences

if TYPE_CHECKING:
    from dbx_dl.contracts import Target


def read_text_samples(directory: Path, target: Target) -> tuple[list[Sample], int]:
    """Samples of a trained model's `test_predictions.npz`, and how many texts are not the true ones.

    True texts are as the model could write them: cut, with unknown tokens. DataError when the file is absent.
    """
    import numpy as np

    path = directory / "test_predictions.npz"
    if not path.exists():
        raise DataError(f"{path} does not exist: train the network again, which writes it")
    with np.load(path, allow_pickle=False) as arrays:
        keys, labels, written = arrays["keys"], arrays["labels"], arrays["predictions"]
    if target.text is None or not len(keys):
        return [], 0
    part = Sentences("tokens", target.text.vocabulary, target.joiner)
    truths = part.build(np.stack([labels, np.ones_like(labels)], axis=1), ("text",))["text"].to_pylist()
    found = part.build(written, ("text",))
    texts, shares = found["text"].to_pylist(), found["probability"].to_numpy()
    is_wrong = (labels != written[:, 0]).any(axis=1)
    samples = [
        Sample(str(keys[row]), truths[row], texts[row], float(shares[row]), None)
        for row in order_samples(shares, is_wrong)
    ]
    return samples, int(is_wrong.sum())
