"""Images that a network makes of the same random numbers after every epoch, as a picture in the run's directory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dbx_dl.contracts import EpochMetrics, FileSpec, ImageSpec
from dbx_dl.runtime.whole_files import write_whole
from dbx_dl.tasks import TaskSettings, task_of

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from dbx_dl.frameworks.interface import Objective
    from dbx_dl.train.job import TrainingJob
    from dbx_dl.train.loop import Report
    from dbx_dl.train.run_directory import RunDirectory

PREFIX = "samples_epoch_"
_SIDE = 6


def draw_samples(report: Report, objective: Objective, job: TrainingJob, directory: RunDirectory) -> Report:
    """What reports to `report`, and after each epoch writes `figures/samples_epoch_<n>.png` where images are made."""
    spec, inputs = job.prepared.target.image, job.prepared.inputs
    if spec is None or isinstance(inputs, FileSpec):
        return report
    noise = np.random.default_rng(job.config.seed).normal(size=(_SIDE**2, inputs.num_encoded)).astype(np.float32)
    task = task_of(job.prepared.target)

    def draw(values: object) -> None:
        report(values)  # type: ignore[arg-type]
        if isinstance(values, EpochMetrics):
            made = task.predict(objective.predict(noise), TaskSettings())
            _write_grid(made, spec, directory.figures / f"{PREFIX}{values.epoch:04d}.png")

    return draw


def tile(made_nd: NDArray[np.float64], spec: ImageSpec) -> NDArray[np.uint8]:
    """Images of pixels / 255 in rows, (side^2, D), as one of side x side with a black line between them."""
    pixels = np.rint(made_nd * 255).astype(np.uint8).reshape(-1, spec.height, spec.width, spec.channels)
    framed = np.pad(pixels, ((0, 0), (0, 1), (0, 1), (0, 0)))
    side = int(len(framed) ** 0.5)
    rows = framed.reshape(side, side, *framed.shape[1:]).swapaxes(1, 2)
    return rows.reshape(side * (spec.height + 1), side * (spec.width + 1), spec.channels)


def _write_grid(made: NDArray[np.float64], spec: ImageSpec, path: Path) -> None:
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    grid = tile(made, spec)
    with write_whole(path) as partial:
        Image.fromarray(grid[..., 0] if spec.channels == 1 else grid).save(partial, format="PNG")
