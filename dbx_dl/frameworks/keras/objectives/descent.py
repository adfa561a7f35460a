"""Gradients become steps of an optimizer: summed up over batches, reduced over ranks, clipped, scaled for float16."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tensorflow as tf

from dbx_dl.frameworks.keras.distribute import are_finite, reduce_gradients
from dbx_dl.frameworks.keras.optimizers import StagedOptimizer
from dbx_dl.frameworks.loss_scale import LossScale
from dbx_dl.frameworks.reduction import PendingBatches, plan_reduction

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dbx_dl.config import OptimizerConfig
    from dbx_dl.frameworks.freezing import FrozenStage
    from dbx_dl.frameworks.interface import Ranks


class Descent:
    """One optimizer of some weights, and what happens to their gradients before it; ranks take the same steps.

    An objective with several losses has a descent for each. `follow` belongs into a compiled step, `finish_step` behind
    it.
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
        self.optimizer = StagedOptimizer(config, trained, stages, ranks)
        self.loss_scale = LossScale(precision)
        self._reduction = plan_reduction(config, ranks, label)
        self._accumulate_batches = config.accumulate_batches
        self._pending = PendingBatches()
        self._follow_trained()

    def start_epoch(self, epoch: int) -> bool:
        """Unfreeze what is due; whether a compiled step must be traced anew.

        No gradients wait then, since an epoch's end applies them.
        """
        is_changed = self.optimizer.start_epoch(epoch)
        if is_changed:
            self._follow_trained()
        return is_changed

    def follow(self, gradients: Sequence[Any], weight: Any, num_rows: Any, scale: Any) -> Any:
        """Take the gradients of `optimizer.trained`; whether they were finite, where that matters.

        They are of this rank's summed loss, times `scale`, of rows, padding included, whose weights add up to `weight`.
        """
        if not self._is_accumulating:
            return self._apply_gradients(gradients, weight, num_rows, scale)
        for total, gradient in zip(self._gradients, gradients, strict=True):
            if gradient is not None:
                total.assign_add(tf.convert_to_tensor(gradient))
        return tf.constant(True)

    def finish_step(self, num_rows: int, weight: float, is_finite: bool) -> None:
        """Count a step, and apply what was summed up over enough of them."""
        if not self._is_accumulating:
            self.loss_scale.update(is_finite)
            return
        self._pending.add(num_rows, weight)
        if self._pending.num_batches == self._accumulate_batches:
            self.flush()

    def flush(self) -> None:
        """Apply what gradients wait for further batches."""
        if not self._pending.num_batches:
            return
        pending, self._pending = self._pending, PendingBatches()
        weight, num_rows = tf.constant(pending.weight), tf.constant(pending.num_rows)
        is_finite = self._apply(self._gradients, weight, num_rows, tf.constant(self.loss_scale.value))
        self.loss_scale.update(bool(is_finite))
        for total in self._gradients:
            total.assign(tf.zeros_like(total))

    @property
    def _is_accumulating(self) -> bool:
        return self._accumulate_batches > 1

    def _follow_trained(self) -> None:
        """Trace anew what applies the gradients of what is trained at present."""
        trained = self.optimizer.trained
        self._gradients = [tf.Variable(tf.zeros_like(v)) for v in trained] if self._is_accumulating else []
        self._apply = tf.function(self._apply_gradients, jit_compile=False)

    def _apply_gradients(self, gradients: Sequence[Any], weight: Any, num_rows: Any, scale: Any) -> Any:
        """One optimizer step, left out where a scaled loss gave gradients that are not finite; whether they were."""
        variables = self.optimizer.trained
        reduced = reduce_gradients(gradients, variables, self._reduction, weight, num_rows=num_rows, scale=scale)
        if not self.loss_scale.is_active:
            self.optimizer.apply(reduced)
            return tf.constant(True)
        is_finite = are_finite(reduced)

        def apply() -> Any:
            self.optimizer.apply(reduced)
            return tf.constant(True)

        return tf.cond(is_finite, apply, lambda: tf.constant(False))
