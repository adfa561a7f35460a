"""Join the Horovod group with TensorFlow's binding, and make a Keras 3 optimizer reduce gradients over ranks."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from dbx_dl.errors import ConfigError
from dbx_dl.frameworks.horovod_ranks import HorovodRanks, import_binding, join_group
from dbx_dl.frameworks.reduction import Reduction
from dbx_dl.frameworks.single_rank import SingleRank
from dbx_dl.runtime.ranks import HOROVOD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dbx_dl.frameworks.interface import Ranks
    from dbx_dl.runtime.ranks import RankPlace

_BINDING = "horovod.tensorflow"
logger = logging.getLogger(__name__)


def connect_ranks(place: RankPlace) -> Ranks:
    """Join the group that `place` describes; SetupError when Horovod is absent or lacks TensorFlow's binding."""
    if place.backend != HOROVOD and place.size > 1:
        raise ConfigError(f"launcher {place.backend} joins PyTorch ranks only: use launcher spark for framework keras")
    _keep_own_gpu(place)
    if place.size == 1:
        return SingleRank()
    binding = join_group(_BINDING, place)
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
    members = {"__module__": plain.__module__, "__qualname__": plain.__qualname__, "ranks": ranks}
    reducing: Any = type(plain.__name__, (_ReducedGradients, plain), members)
    return reducing.from_config(optimizer.get_config())


class _ReducedGradients:
    """What comes before an optimizer's own `apply`."""

    ranks: Ranks

    def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Any] | None = None, weight: Any = None) -> None:
        variables = self._trainable_variables if trainable_variables is None else list(trainable_variables)  # type: ignore[attr-defined]
        reduction = Reduction(self.ranks)
        reduced = reduce_gradients(grads, variables, reduction, 1.0 if weight is None else weight)
        super().apply(reduced, trainable_variables)  # type: ignore[misc]


def reduce_gradients(
    gradients: Sequence[Any],
    variables: Sequence[Any],
    reduction: Reduction,
    weight: Any,
    *,
    num_rows: Any = 1,
    scale: Any = 1.0,
) -> list[Any]:
    """The clipped global average of each variable's gradient, zeros where it has none.

    The gradients are those of this rank's summed loss times `scale`. `weight` is the sum of this rank's rows' weights,
    `num_rows` their number with padding, the same on every rank.
    """
    dense = [_to_dense(gradient, variable) for gradient, variable in zip(gradients, variables, strict=True)]
    local_weight = tf.reshape(tf.cast(weight, tf.float32), [1])
    if reduction.compression == "none":
        *sums, total = sum_over_ranks([*dense, local_weight], reduction.ranks.size, f"{reduction.label}_gradients")
    else:
        sums = _SUMS_OF_HALVES[reduction.compression](dense, reduction, num_rows)
        (total,) = sum_over_ranks([local_weight], reduction.ranks.size, f"{reduction.label}_weight")
    divisor = total[0] * scale
    averages = [tf.math.divide_no_nan(gradient, tf.cast(divisor, gradient.dtype)) for gradient in sums]
    return _clip(averages, reduction)


def are_finite(gradients: Sequence[Any]) -> Any:
    """Whether no gradient holds an infinity or NaN, as a boolean tensor."""
    return tf.reduce_all(tf.math.is_finite(tf.stack([tf.reduce_sum(gradient) for gradient in gradients])))


def sum_over_ranks(tensors: list[Any], num_ranks: int, name: str) -> list[Any]:
    """The sums over all ranks, in one collective of that name, for tensors of one dtype; gradients pass through it."""
    if num_ranks == 1:
        return tensors
    binding = _load_binding()
    return list(binding.grouped_allreduce(tensors, op=binding.Sum, name=name))


def _sum_float16(gradients: list[Any], reduction: Reduction, num_rows: Any) -> list[Any]:
    rows = tf.cast(num_rows, tf.float32) * reduction.ranks.size
    sent = [tf.cast(gradient / tf.cast(rows, gradient.dtype), tf.float16) for gradient in gradients]
    received = sum_over_ranks(sent, reduction.ranks.size, f"{reduction.label}_float16_gradients")
    return [
        tf.cast(half, full.dtype) * tf.cast(rows, full.dtype) for half, full in zip(received, gradients, strict=True)
    ]


def _sum_bfloat16(gradients: list[Any], reduction: Reduction, num_rows: Any) -> list[Any]:
    del num_rows
    binding = _load_binding()
    flat = tf.concat([tf.reshape(tf.cast(gradient, tf.float32), [-1]) for gradient in gradients], axis=0)
    sent = tf.bitcast(tf.cast(flat, tf.bfloat16), tf.uint8)
    received = binding.allgather(sent, name=f"{reduction.label}_bfloat16_gradients")
    halves = tf.bitcast(tf.reshape(received, [reduction.ranks.size, -1, 2]), tf.bfloat16)
    parts = tf.split(tf.reduce_sum(tf.cast(halves, tf.float32), axis=0), [tf.size(g) for g in gradients])
    return [
        tf.cast(tf.reshape(part, tf.shape(gradient)), gradient.dtype)
        for part, gradient in zip(parts, gradients, strict=True)
    ]


_SUMS_OF_HALVES = {"fp16": _sum_float16, "bf16": _sum_bfloat16}


def _clip(gradients: list[Any], reduction: Reduction) -> list[Any]:
    if reduction.clip_value is not None:
        gradients = [tf.clip_by_value(gradient, -reduction.clip_value, reduction.clip_value) for gradient in gradients]
    if reduction.clip_norm is not None:
        norm = tf.linalg.global_norm(gradients)
        factor = reduction.clip_norm / tf.maximum(norm, reduction.clip_norm)
        gradients = [gradient * tf.cast(factor, gradient.dtype) for gradient in gradients]
    return gradients


def _load_binding() -> Any:
    # Traced into a graph, where AutoGraph would print that it cannot convert an import.
    return tf.autograph.experimental.do_not_convert(import_binding)(_BINDING)


def _to_dense(gradient: Any, variable: Any) -> Any:
    return tf.zeros(variable.shape, variable.dtype) if gradient is None else tf.convert_to_tensor(gradient)


def _keep_own_gpu(place: RankPlace) -> None:
    """See one GPU, and take of its memory what is needed: TensorFlow takes all of every GPU otherwise."""
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return
    own = gpus[place.local_rank % len(gpus)]
    try:
        tf.config.set_visible_devices(own, "GPU")
        tf.config.experimental.set_memory_growth(own, True)
    except RuntimeError:
        logger.warning("TensorFlow already uses this process' GPUs: it keeps those that it has, and their memory")
