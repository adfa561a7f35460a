"""Written texts in a report: wrong ones first, as their tokens say, and with what they were written of."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dbx_dl.contracts import Target, TextFeature
from dbx_dl.errors import DataError
from dbx_dl.monitor.run_report.page import render_report
from dbx_dl.monitor.run_report.text_samples import read_text_samples
from tests.unit.monitor.run_report.finished_run import finished_run, found_evidence

TEXT = TextFeature(column="label", pattern=r"\w+", max_length=2, vocabulary=("one", "two"))
TARGET = Target(task="sequence", column="label", text=TEXT, joiner="+")


def write(folder: Path) -> None:
    """Three rows: a wrong text, a right one and a right one that is more certain."""
    ids = np.array([[2, 3], [3, 0], [2, 2]])
    shares = np.array([[0.9, 0.5], [0.5, 0.5], [0.9, 0.8]])
    written = np.stack([ids, shares], axis=1).astype(np.float32)
    labels = np.array([[2, 2], [3, 0], [2, 2]])
    np.savez(folder / "test_predictions.npz", keys=np.array(["a", "b", "c"]), labels=labels, predictions=written)


def test_wrong_texts_come_first(tmp_path: Path) -> None:
    write(tmp_path)
    samples, num_wrong = read_text_samples(tmp_path, TARGET)
    assert num_wrong == 1
    assert [(s.key, s.truth, s.label, s.is_right) for s in samples] == [
        ("a", "one+one", "one+two", False),
        ("b", "two", "two", True),
        ("c", "one+one", "one+one", True),
    ]
    assert [s.probability for s in samples] == pytest.approx([0.45, 0.25, 0.72])


def test_training_without_predictions_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist: train the network again"):
        read_text_samples(tmp_path, TARGET)


def test_the_report_shows_what_was_given(tmp_path: Path) -> None:
    write(tmp_path)
    samples, num_wrong = read_text_samples(tmp_path, TARGET)
    outcome = finished_run("table")
    given = [replace(sample, given=f"<{sample.key}>") for sample in samples]
    evidence = replace(found_evidence(outcome), predictions={}, samples=given, num_wrong_texts=num_wrong)
    page = render_report([(outcome, evidence)], title="t")
    assert "1 wrong in all" in page and "&lt;a&gt;" in page and "one+two" in page
    assert "Confusion matrix" not in page
