"""Join the Horovod group with TensorFlow's binding, and make a Keras 3 optimizer reduce gradients over ranks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tensorflow as tf

from dbx_dl.errors import ConfigError
from dbx_dl.frameworks.horovod_ranks import HorovodRanks, import_binding, join_group
from dbx_dl.frameworks.single_rank import SingleRank
from dbx_dl.runtime.ranks import HOROVOD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dbx_dl.frameworks.interface import Ranks
    from dbx_dl.runtime.ranks import RankPlace

_BINDING = "horovod.tensorflow"


def connect_ranks(place: RankPlace) -> Ranks:
    """Join the group that `place` describes; SetupError when Horovod is absent or lacks TensorFlow's binding."""
    if place.size == 1:
        return SingleRank()
    if place.backend != HOROVOD:
        raise ConfigError(f"launcher {place.backend} joins PyTorch ranks only: use launcher spark for framework keras")
    binding = join_group(_BINDING, place)
    _keep_own_gpu(place)
    return HorovodRanks(binding, tf.convert_to_tensor, lambda tensor: tensor.numpy())


def distribute_optimizer(optimizer: Any, ranks: Ranks) -> Any:
    """A new Keras optimizer like `optimizer` whose `apply` first reduces the gradients over all ranks.

    `apply(grads, variables)` averages over ranks, which is what a plain `model.compile(optimizer, jit_compile=False)`
    and `model.fit` need. `apply(grads, variables, weight)` takes the gradients of this rank's summed loss and the
    sum of its rows' weights, and divides the global sum by the global weight: exact when ranks have different weights.

    Every rank must apply gradients of the same variables; one without a gradient takes part with zeros. The optimizer
    is rebuilt from its config, so slots that it already has are not carried over. The new class has the name and
    module of the old one: a model saved with it loads where dbx_dl is not installed, with the plain optimizer.
    """
    plain = type(optimizer)
    members = {"__module__": plain.__module__, "__qualname__": plain.__qualname__, "num_ranks": ranks.size}
    reducing: Any = type(plain.__name__, (_ReducedGradients, plain), members)
    return reducing.from_config(optimizer.get_config())


class _ReducedGradients:
    """What comes before an optimizer's own `apply`."""

    num_ranks: int

    def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Any] | None = None, weight: Any = None) -> None:
        variables = self._trainable_variables if trainable_variables is None else list(trainable_variables)  # type: ignore[attr-defined]
        dense = [_to_dense(gradient, variable) for gradient, variable in zip(grads, variables, strict=True)]
        reduced = _reduce(dense, weight, self.num_ranks)
        super().apply(reduced, trainable_variables)  # type: ignore[misc]


def _reduce(gradients: list[Any], weight: Any, num_ranks: int) -> list[Any]:
    if weight is None:
        return [gradient / num_ranks for gradient in _sum_over_ranks(gradients, num_ranks)]
    local_weight = tf.reshape(tf.cast(weight, tf.float32), [1])
    *sums, total = _sum_over_ranks([*gradients, local_weight], num_ranks)
    return [tf.math.divide_no_nan(gradient, tf.cast(total[0], gradient.dtype)) for gradient in sums]


def _sum_over_ranks(tensors: list[Any], num_ranks: int) -> list[Any]:
    if num_ranks == 1:
        return tensors
    # This is traced into a graph, where AutoGraph would print that it cannot convert an import.
    binding = tf.autograph.experimental.do_not_convert(import_binding)(_BINDING)
    return list(binding.grouped_allreduce(tensors, op=binding.Sum, name="dbx_dl_gradients"))


def _to_dense(gradient: Any, variable: Any) -> Any:
    return tf.zeros(variable.shape, variable.dtype) if gradient is None else tf.convert_to_tensor(gradient)


def _keep_own_gpu(place: RankPlace) -> None:
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        own = gpus[place.local_rank % len(gpus)]
        tf.config.set_visible_devices(own, "GPU")
        tf.config.experimental.set_memory_growth(own, True)
