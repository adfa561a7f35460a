"""Which frozen layers are trained from a later epoch on."""

from __future__ import annotations

from pydantic import Field

from dbx_dl.config.section import Section


class UnfreezeConfig(Section):
    """From `epoch` on (the first is 1, so 2 or later) the frozen layers whose name matches a pattern are trained.

    Their learning rate is, at every step, the run's times `learning_rate` / `optimizer.learning_rate`: the same
    schedule and scaling to ranks from another peak, at the point that the run has reached; there is no warm-up of their
    own. Without `learning_rate` it is the run's. Their optimizer starts anew then: no momentum, no moments, step 1. A
    layer belongs to the first stage that matches it. Batch-norm layers that no pattern matches keep their moving
    statistics. Early stopping does not wait for a stage.
    """

    epoch: int = Field(gt=1)
    layers: tuple[str, ...] = Field(min_length=1)
    learning_rate: float | None = Field(default=None, gt=0)
