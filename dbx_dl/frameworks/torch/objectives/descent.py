"""Gradients become steps of an optimizer: summed up over batches, reduced over ranks, clipped, scaled for float16."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dbx_dl.frameworks.freezing import Unfreezing
from dbx_dl.frameworks.loss_scale import LossScale
from dbx_dl.frameworks.reduction import PendingBatches, plan_reduction
from dbx_dl.frameworks.torch.distribute import are_finite, list_trained, reduce_gradients
from dbx_dl.frameworks.torch.optimizers import create_optimizer, decay_weights

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dbx_dl.config import OptimizerConfig
    from dbx_dl.frameworks.freezing import FrozenStage
    from dbx_dl.frameworks.interface import Ranks


class Descent:
    """One optimizer of some weights, and what happens to their gradients before it; ranks take the same steps.

    An objective with several losses has a descent for each.
    """

    def __init__(
        self,
        config: OptimizerConfig,
        trained: Sequence[Any],
        ranks: Ranks,
        precision: str = "float32",
        stages: Sequence[FrozenStage] = (),
        label: str = "dbx_dl",
    ) -> None:
        self.optimizer = create_optimizer(config, [list(trained), *(list(stage.weights) for stage in stages)])
        self.loss_scale = LossScale(precision)
        self._config = config
        self._reduction = plan_reduction(config, ranks, label)
        self._unfreezing = Unfreezing(stages, config, ranks)
        self._pending = PendingBatches()

    def start_epoch(self, epoch: int) -> None:
        """Unfreeze what is due; its state in the optimizer begins with its first gradient."""
        self._unfreezing.start_epoch(epoch)

    def follow(self, loss: Any, weight: float, num_rows: int, learning_rate: float) -> None:
        """Go down this rank's summed loss of rows, padding included, whose weights add up to `weight`."""
        if not self._pending.num_batches:
            self.optimizer.zero_grad(set_to_none=True)
        (loss * self.loss_scale.value).backward()
        for group, factor in zip(self.optimizer.param_groups, self._unfreezing.rate_factors, strict=True):
            group["lr"] = learning_rate * factor
        self._pending.add(num_rows, weight)
        if self._pending.num_batches == self._config.accumulate_batches:
            self.flush()

    def flush(self) -> None:
        """Apply what gradients wait for further batches."""
        if not self._pending.num_batches:
            return
        parameters, pending, scale = list_trained(self.optimizer), self._pending, self.loss_scale.value
        self._pending = PendingBatches()
        reduce_gradients(parameters, self._reduction, pending.weight, num_rows=pending.num_rows, scale=scale)
        is_finite = not self.loss_scale.is_active or are_finite(parameters)
        self.loss_scale.update(is_finite)
        if is_finite:
            decay_weights(self.optimizer, self._config.decay_of_weights)
            self.optimizer.step()
