"""After training: what turns the network's scores into probabilities, fitted on the validation split."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

from dbx_dl.metrics.calibration import fit_calibration
from dbx_dl.train.evaluation import observe_split

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dbx_dl.contracts import Batch, Calibration, CalibrationMethod
    from dbx_dl.frameworks.interface import Objective, Ranks
    from dbx_dl.train.evaluation import RowFeed

logger = logging.getLogger(__name__)


class RawOutputs:
    """The `Measures` that only keep a network's outputs (N, num_outputs) beside labels and sample weights."""

    def observe(self, batch: Batch, outputs: np.ndarray) -> dict[str, np.ndarray]:
        """Outputs, labels and sample weights."""
        return {"outputs": outputs, "labels": batch.labels, "weights": batch.sample_weights}

    def measure(self, observed: Mapping[str, np.ndarray]) -> dict[str, float]:
        """Nothing."""
        del observed
        return {}


def calibrate(objective: Objective, ranks: Ranks, feed: RowFeed, method: CalibrationMethod) -> Calibration | None:
    """The calibration of the network as it is, the same on every rank; None, with a warning, without rows."""
    observed = observe_split(objective, ranks, feed, RawOutputs())
    found = None
    if observed:
        found = fit_calibration(method, observed["outputs"], observed["labels"], observed["weights"])
    if found is None and ranks.rank == 0:
        logger.warning("the validation split has no rows: probabilities are not calibrated")
    return found
