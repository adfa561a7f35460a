"""Which epoch is the best, and when no better one is expected."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from dbx_dl.metrics.comparison import is_lower_better

# What validation decides by where the config names no metric: the first of these that there is, then the second.
_DECIDING = (
    ("accuracy", "log_loss"),
    # Densities of codes rise without bound as an encoder makes them small; silhouettes have no scale.
    ("simplified_silhouette", "nll"),
    # What tells of whole distributions comes before the error of their point.
    *((name,) for name in ("log_loss", "poisson_deviance", "pinball", "nll", "rmse")),
    *((name,) for name in ("reconstruction_error", "energy_distance")),
    ("map_50", "box_iou"),
    ("mean_iou", "pixel_accuracy"),
)
# What epochs are measured by before labels are used.
PRETRAINING = "train_reconstruction_error_"


class Selection:
    """Follows epochs: by `metric` of the validation split, or else by what `rate_epoch` finds.

    Training has stalled when the last `patience` epochs brought no better one.
    """

    def __init__(self, patience: int | None, metric: str | None = None) -> None:
        self.best_epoch = 0
        self._patience = patience
        self._metric = metric
        self._best_score: tuple[float, ...] = ()

    def consider(self, epoch: int, metrics: Mapping[str, float]) -> bool:
        """Whether this epoch is the best so far."""
        score = rate_epoch(metrics, self._metric)
        if self._best_score and score <= self._best_score:
            return False
        self.best_epoch, self._best_score = epoch, score
        return True

    def has_stalled(self, epoch: int) -> bool:
        """Whether training should stop after this epoch."""
        return self._patience is not None and epoch - self.best_epoch >= self._patience

    def read_state(self) -> dict[str, Any]:
        """What `restore` needs to go on from here."""
        return {"best_epoch": self.best_epoch, "best_score": list(self._best_score)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state that `read_state` gave."""
        self.best_epoch, self._best_score = int(state["best_epoch"]), tuple(state["best_score"])


def rate_epoch(metrics: Mapping[str, float], metric: str | None = None) -> tuple[float, ...]:
    """What epochs are compared by; the greater tuple is the better epoch.

    With a `metric` only that one counts, and an epoch without it (an AUC can be undefined) is the worst. Else
    validation accuracy, then log loss; the simplified silhouette of clusters, then their negative log likelihood; log
    loss of label sets; deviance of counts; pinball loss of quantiles; negative log likelihood of distributions; root
    mean squared error of numbers; average precision, then overlap of boxes; overlap of pixels, then their accuracy.
    Without a validation split the lower training loss is better. An epoch of pretraining is the worst.
    """
    if any(name.startswith(PRETRAINING) for name in metrics):
        return (-math.inf,)
    if metric is not None:
        return _rate(metrics, (metric,))
    for names in _DECIDING:
        if f"validation_{names[0]}" in metrics:
            return _rate(metrics, names)
    return (-metrics["train_loss"],)


def _rate(metrics: Mapping[str, float], names: tuple[str, ...]) -> tuple[float, ...]:
    values = [(name, metrics.get(f"validation_{name}", math.nan)) for name in names]
    return tuple(
        -math.inf if math.isnan(value) else -value if is_lower_better(name) else value for name, value in values
    )
