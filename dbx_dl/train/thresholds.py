"""After training: the probability from which on a row gets the label that the run names, chosen on validation."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from dbx_dl.contracts import Threshold
from dbx_dl.metrics.thresholds import choose_threshold, measure_threshold

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from dbx_dl.config import ThresholdConfig
    from dbx_dl.contracts import Target

logger = logging.getLogger(__name__)


def find_threshold(
    config: ThresholdConfig, target: Target, observed: Mapping[str, NDArray[Any]]
) -> tuple[Threshold | None, bool]:
    """The threshold for the observed rows of the validation split, and whether the config's rule is met.

    None where no row has the label.
    """
    if not observed:
        return None, False
    place = target.label_names.index(config.label)
    is_positive, probabilities = observed["labels"] == place, observed["predictions"][:, place]
    weights = observed.get("sample_weights")
    if not (is_positive if weights is None else weights[is_positive] > 0).any():
        return None, False
    point, is_met = choose_threshold(config, is_positive, probabilities, weights)
    found = Threshold(
        label=config.label,
        probability=point.threshold,
        precision=point.precision,
        recall=point.recall,
        f1=point.f1,
    )
    return found, is_met


def tell_threshold(found: Threshold | None, is_met: bool, config: ThresholdConfig) -> None:
    """Say in the log what was chosen, or why nothing was."""
    if found is None:
        logger.warning("no row of the validation split has the label %r: no threshold is chosen", config.label)
        return
    if not is_met:
        logger.warning(
            "no threshold reaches precision %g for %r on the validation split: the one of the highest is taken",
            config.min_precision or 0.0,
            config.label,
        )
    shares = found.probability, found.precision, found.recall
    logger.info("rows get %r from probability %.4g on: precision %.4f, recall %.4f", found.label, *shares)


def measure_label(found: Threshold, target: Target, observed: Mapping[str, NDArray[Any]]) -> dict[str, float]:
    """precision, recall and f1 of the label at its threshold, of observed rows; none without rows."""
    if not observed:
        return {}
    place = target.label_names.index(found.label)
    point = measure_threshold(
        found.probability,
        observed["labels"] == place,
        observed["predictions"][:, place],
        observed.get("sample_weights"),
    )
    return {"precision": point.precision, "recall": point.recall, "f1": point.f1}
