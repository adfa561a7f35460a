"""What only Keras can show with one rank: `model.fit` over a feed, and saved models that do not need dbx_dl."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnxruntime

from dbx_dl import open_feed
from dbx_dl.frameworks.keras import (
    build_network,
    distribute_optimizer,
    export_network,
    open_dataset,
    seed_process,
)
from dbx_dl.frameworks.keras.onnx_export import large
from dbx_dl.frameworks.single_rank import SingleRank
from tests.numerics.digits import make_global_batches, request_convnet, request_normalized
from tests.prepared_tables import write_feature_table


def run(folder: Path) -> dict[str, Any]:
    """Train with `model.fit`, save the model, load it again."""
    seed_process(1, 1)
    model = build_network(request_convnet())
    optimizer = distribute_optimizer(keras.optimizers.Adam(2e-3, beta_1=0.8), SingleRank())
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=optimizer, loss=loss, jit_compile=False)
    batches = make_global_batches(10)
    history = model.fit(open_dataset(batches, (8, 8, 1), "uint8"), epochs=3, verbose=0)
    model.save(folder / "fitted.keras")
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # Keras warns when it cannot restore the optimizer's state
        loaded = keras.saving.load_model(folder / "fitted.keras")
    return {
        "fit_losses": history.history["loss"],
        "loaded_optimizer": f"{type(loaded.optimizer).__module__}.{type(loaded.optimizer).__qualname__}",
        "is_plain": type(loaded.optimizer) is keras.optimizers.Adam,
        "beta_1": loaded.optimizer.beta_1,
        "iterations": int(loaded.optimizer.iterations),
        "is_equal": bool(np.array_equal(loaded(batches[0].inputs), model(batches[0].inputs))),
        "noise_differs": noise_differs(),
        "feed_losses": fit_feed(folder / "table"),
        "large_export_differs_by": export_as_large(folder),
    }


def fit_feed(folder: Path) -> list[float]:
    """Losses of `model.fit` over a feed of a prepared table, as its docstring shows."""
    feed = open_feed(write_feature_table(folder, {"train": 200}), "train", batch_size=32)
    model = keras.Sequential([keras.Input(feed.signature["input_shape"]), keras.layers.Dense(2)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(0.05), loss=loss, jit_compile=False)
    history = model.fit(open_dataset(feed.epochs(), **feed.signature), epochs=4, verbose=0)
    return [float(value) for value in history.history["loss"]]


def export_as_large(folder: Path) -> float:
    """How far a file that was exported with weights as inputs is from its network, with batch-norm, embedding too."""
    request = request_normalized("keras")
    network = build_network(request)
    rows = make_global_batches(2)[0].inputs
    network(rows, training=True)  # moving statistics are no longer the first ones
    limit, large.LARGE_BYTES = large.LARGE_BYTES, 0
    try:
        export_network(network, request, folder / "large.onnx", embeddings=network.layers[-2].name)
    finally:
        large.LARGE_BYTES = limit
    session = onnxruntime.InferenceSession(folder / "large.onnx", providers=["CPUExecutionProvider"])
    logits, _ = session.run(["logits", "embedding"], {"inputs": rows})
    return float(np.abs(logits - np.asarray(network(rows))).max())


def noise_differs() -> bool:
    """Whether the seed of the process decides on dropout noise while the request's seed decides on weights."""
    networks = []
    for seed in (1, 2):
        seed_process(seed, 1)
        networks.append(build_network(request_convnet(dropout=0.5)))
    rows = make_global_batches(2)[0].inputs
    quiet, noisy = ([np.asarray(network(rows, training=mode)) for network in networks] for mode in (False, True))
    return bool(np.array_equal(*quiet) and not np.array_equal(*noisy))
