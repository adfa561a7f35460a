"""What only Keras can show with several ranks: `model.fit` with a distributed optimizer, missing gradients."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from dbx_dl.frameworks.interface import Ranks
from dbx_dl.frameworks.keras import build_network, distribute_optimizer, open_dataset, seed_process
from tests.numerics.digits import make_global_batches, request_convnet, take_share


def run(ranks: Ranks, folder: Path) -> dict[str, Any]:
    """Fit a compiled model on this rank's shares; reduce gradients that only one rank has."""
    seed_process(1, 1)
    model = build_network(request_convnet())
    optimizer = distribute_optimizer(keras.optimizers.SGD(0.05, momentum=0.9), ranks)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=optimizer, loss=loss, jit_compile=False)
    shares = [take_share(batch, ranks.rank, ranks.size) for batch in make_global_batches(8)[:6]]
    model.fit(open_dataset(shares, (8, 8, 1), "uint8"), epochs=2, verbose=0)
    return {
        "fitted": [float(tf.reduce_sum(weight)) for weight in model.weights],
        "iterations": int(model.optimizer.iterations),
        "missing": step_with_missing_gradients(ranks),
    }


def step_with_missing_gradients(ranks: Ranks) -> list[float]:
    """Three variables with gradients on both ranks, on the last rank, on none; ranks weigh 1, 3."""
    optimizer = distribute_optimizer(keras.optimizers.SGD(1.0), ranks)
    variables = [keras.Variable([0.0]) for _ in range(3)]
    own = ranks.rank + 1.0
    gradients = [tf.constant([own]), None if ranks.rank == 0 else tf.constant([own]), None]
    optimizer.apply(gradients, variables, weight=2 * ranks.rank + 1)
    return [float(variable[0]) for variable in variables]
