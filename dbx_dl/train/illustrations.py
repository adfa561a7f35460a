"""Figures of a finished training in its MLflow run: learning curves, confusion matrix, sample predictions."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dbx_dl.contracts import FileSpec, ImageSpec
from dbx_dl.tasks import task_of
from dbx_dl.tasks.several_numbers import SeveralNumbers
from dbx_dl.train.samples import PREFIX
from dbx_dl.train.text_pictures import log_texts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dbx_dl.contracts import PreparedTable
    from dbx_dl.train.job import TrainingResult
    from dbx_dl.train.tracking import TrackedRun

logger = logging.getLogger(__name__)

_NUM_SAMPLES = 16
_MAX_POINTS = 2000
_NUM_PLACES = 8


def log_figures(run: TrackedRun, prepared: PreparedTable, result: TrainingResult, predictions: Path) -> None:
    """Draw and log what there is to show; without matplotlib nothing is drawn, and the log says so."""
    try:
        from dbx_dl import figures

        run.log_figure(figures.learning_curves(result.history, best_epoch=result.best_epoch), "learning_curves")
    except ImportError as error:
        logger.warning("no figures are logged: %s; pip install 'dbx_dl[report]'", error)
        return
    for path in sorted(run.figures.glob(f"{PREFIX}*.png")):
        run.log_file(path, "figures")
    if prepared.target.grid is not None and isinstance(prepared.inputs, ImageSpec):
        _log_places(run, prepared, prepared.inputs, predictions)
    if prepared.target.text is not None:
        log_texts(run, prepared, prepared.target.text, predictions)
        return
    if prepared.target.ranking is not None:
        _log_hits(run, prepared, predictions)
    if not prepared.target.is_classification:
        _log_estimates(run, prepared, predictions)
        return
    with np.load(predictions, allow_pickle=False) as arrays:
        keys, labels, probabilities = arrays["keys"], arrays["labels"], arrays["probabilities"]
    if not len(keys):
        return
    names = prepared.target.label_names
    run.log_figure(figures.confusion_matrix(labels, probabilities.argmax(axis=1), names), "confusion_matrix")
    if isinstance(prepared.inputs, FileSpec):
        _log_samples(run, prepared, prepared.inputs, keys, probabilities)


def _log_estimates(run: TrackedRun, prepared: PreparedTable, predictions: Path) -> None:
    from dbx_dl import figures

    task = task_of(prepared.target)
    if task.label_kind != "number":
        return
    with np.load(predictions, allow_pickle=False) as arrays:
        labels, values = arrays["labels"][:_MAX_POINTS], arrays["predictions"][:_MAX_POINTS]
    if not len(labels):
        return
    points, interval = values, None
    if isinstance(task, SeveralNumbers):
        points, interval = task.choose_points(values), task.find_interval(values)
    run.log_figure(figures.estimates(labels, points, interval), "estimates")


def _log_hits(run: TrackedRun, prepared: PreparedTable, predictions: Path) -> None:
    from dbx_dl import figures
    from dbx_dl.metrics.recommendation import baseline_hits, find_ranks, rate_hits

    with np.load(predictions, allow_pickle=False) as arrays:
        labels, items = arrays["labels"], arrays["predictions"][..., 0]
    if not len(labels):
        return
    top_k, counts = items.shape[1], prepared.statistics.popularity.get("test", ())
    found = rate_hits(find_ranks(labels, items), top_k)
    rates = {"network": found, "most chosen items": baseline_hits(counts, len(labels), top_k)}
    run.log_figure(figures.hit_rates(rates), "hit_rates")


def _log_places(run: TrackedRun, prepared: PreparedTable, inputs: ImageSpec, predictions: Path) -> None:
    from dbx_dl import figures
    from dbx_dl.feed.rows import read_rows
    from dbx_dl.train.place_pictures import draw_places
    from dbx_dl.transforms.images import decode_image

    with np.load(predictions, allow_pickle=False) as arrays:
        keys, labels, found = (arrays[name][:_NUM_PLACES] for name in ("keys", "labels", "predictions"))
    if len(keys):
        rows = read_rows(prepared, "test", keys=keys.tolist())
        images = [decode_image(data, inputs) for data in rows.column(inputs.column).to_pylist()]
        places = draw_places(images, labels, found, task_of(prepared.target).label_kind)
        run.log_figure(figures.class_samples(places, ()), "sample_predictions")


def _log_samples(
    run: TrackedRun,
    prepared: PreparedTable,
    inputs: FileSpec,
    keys: NDArray[np.str_],
    probabilities: NDArray[np.float32],
) -> None:
    from dbx_dl import figures
    from dbx_dl.feed.rows import read_rows
    from dbx_dl.transforms.pictures import draw_file

    # Keys are sorted and begin with the class, so evenly spaced rows show every class.
    chosen = np.unique(np.linspace(0, len(keys) - 1, min(_NUM_SAMPLES, len(keys))).round().astype(np.int64))
    rows = read_rows(prepared, "test", keys=keys[chosen].tolist())
    names = prepared.target.label_names
    images = [draw_file(data, inputs) for data in rows.column(inputs.column).to_pylist()]
    truths = [names[label] for label in rows.column("label_index").to_pylist()]
    predicted = [(names[int(row.argmax())], float(row.max())) for row in probabilities[chosen]]
    run.log_figure(figures.sample_predictions(images, truths, predicted), "sample_predictions")
