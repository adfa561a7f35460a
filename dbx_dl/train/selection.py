"""Which epoch is the best, and when no better one is expected."""

from __future__ import annotations

from typing import Any


class Selection:
    """Follows epochs: higher validation accuracy is better, then lower validation log loss.

    Without a validation split the lower training loss is better. Training has stalled when the last `patience` epochs
    brought no better one.
    """

    def __init__(self, patience: int | None) -> None:
        self.best_epoch = 0
        self._patience = patience
        self._best_score: tuple[float, ...] = ()

    def consider(self, epoch: int, metrics: dict[str, float]) -> bool:
        """Whether this epoch is the best so far."""
        score = rate_epoch(metrics)
        if self._best_score and score <= self._best_score:
            return False
        self.best_epoch, self._best_score = epoch, score
        return True

    def has_stalled(self, epoch: int) -> bool:
        """Whether training should stop after this epoch."""
        return self._patience is not None and epoch - self.best_epoch >= self._patience

    def read_state(self) -> dict[str, Any]:
        """The best epoch and what it was chosen by, for a checkpoint."""
        return {"best_epoch": self.best_epoch, "best_score": list(self._best_score)}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over what `read_state` gave."""
        self.best_epoch, self._best_score = int(state["best_epoch"]), tuple(state["best_score"])


def rate_epoch(metrics: dict[str, float]) -> tuple[float, ...]:
    """What epochs are compared by; the greater tuple is the better epoch."""
    if "validation_accuracy" in metrics:
        return (metrics["validation_accuracy"], -metrics["validation_log_loss"])
    return (-metrics["train_loss"],)
