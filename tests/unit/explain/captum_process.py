"""Runs in a process of its own: train planted networks, explain them, and let captum explain those of PyTorch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from dbx_dl.explain import network_process
from dbx_dl.explain.methods.grad_cam import weigh_activations
from dbx_dl.explain.network_process import FOUND_FILE, ROWS_FILE, explain_rows
from dbx_dl.frameworks.rebuilding import rebuild_network
from tests.trained_networks import describe, plant, train_planted

KINDS = ("images", "table", "text", "steps")
NUM_ROWS = 24
# The activation behind the last convolution.
LAST_LAYER = "relu_2"
OPTIONS = {"baseline": "black", "num_steps": 32, "max_steps": 512, "tolerance": 0.01, "layer": None}


def explain_planted(framework: str, folder: str) -> None:
    """Leaves `<kind>-<method>.npz` for every kind: what was found, what captum finds, the rows and their outputs."""
    network_process._NUMBERS_AT_ONCE = 1000  # so that the rows are walked in several blocks
    suffix = train_planted(list(KINDS), framework, folder)
    for kind in KINDS:
        planted, weights = plant(kind), Path(folder) / f"{kind}{suffix}"
        stored = describe(kind, framework, weights)
        rows, outputs = planted.rows[:NUM_ROWS], planted.labels[:NUM_ROWS].astype(np.int64)
        for method in ("integrated_gradients", "grad_cam")[: 2 if kind == "images" else 1]:
            np.savez(Path(folder) / ROWS_FILE, inputs=rows, outputs=outputs)
            explain_rows(stored.model_dump(mode="json"), str(weights), folder, method, OPTIONS)
            with np.load(Path(folder) / FOUND_FILE) as saved:
                found = dict(saved)
            if method == "grad_cam" and framework == "torch":
                found["frozen"] = _explain_frozen(stored, weights, rows, outputs)
            if framework == "torch":
                found["expected"] = _ask_captum(stored, weights, method, rows, outputs)
            elif method == "grad_cam":
                found["expected"] = _weigh_in_keras(stored, weights, rows, outputs)
            np.savez(Path(folder) / f"{kind}-{method}.npz", **found)


def _explain_frozen(stored: Any, weights: Path, rows: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    """Grad-CAM of a network none of whose weights are trained, as those of a backbone are not."""
    rebuilt = rebuild_network(stored, weights)
    rebuilt.network.requires_grad_(False)
    values = rebuilt.framework.read_activations(rebuilt.network, rebuilt.request, None, rows, outputs)
    return weigh_activations(*values)


def _weigh_in_keras(stored: Any, weights: Path, rows: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    """Grad-CAM by a model of two outputs, the layer's values and the logits."""
    import keras
    import tensorflow as tf

    network = rebuild_network(stored, weights).network
    both = keras.Model(network.inputs, [network.get_layer(LAST_LAYER).output, network.outputs[0]])
    with tf.GradientTape() as tape:
        values, logits = both(rows, training=False)
        chosen = tf.gather(logits, outputs, axis=1, batch_dims=1)
    channels = tf.reduce_mean(tape.gradient(chosen, values), axis=(1, 2), keepdims=True)
    return np.asarray(tf.nn.relu(tf.reduce_sum(channels * values, axis=-1)))


def _ask_captum(stored: Any, weights: Path, method: str, rows: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    import torch
    from captum.attr import IntegratedGradients, LayerGradCam

    network = rebuild_network(stored, weights).network.eval()
    inputs, target = torch.from_numpy(rows), torch.from_numpy(outputs)
    if method == "grad_cam":
        found = LayerGradCam(network, network.get_submodule(LAST_LAYER)).attribute(
            inputs, target, relu_attributions=True
        )
        return found.detach().numpy()[:, 0]
    if stored.inputs.kind == "text":
        embedding = next(module for module in network.modules() if isinstance(module, torch.nn.Embedding))

        class FromVectors(torch.nn.Module):
            """The network, whose embedding captum replaces."""

            def forward(self, vectors: Any) -> Any:
                hook = embedding.register_forward_hook(lambda *_: vectors)
                try:
                    return network(inputs.repeat(len(vectors) // len(inputs), 1))
                finally:
                    hook.remove()

        vectors = embedding(inputs).detach()
        found = IntegratedGradients(FromVectors()).attribute(vectors, torch.zeros_like(vectors), target, n_steps=128)
        return found.detach().numpy().sum(axis=-1)
    baselines = torch.zeros(inputs.shape)
    if stored.inputs.kind == "steps":
        baselines[..., -1] = inputs[..., -1]
    found = IntegratedGradients(network).attribute(inputs.float(), baselines, target, n_steps=128)
    values = found.detach().numpy()
    return values.sum(axis=-1) if stored.inputs.kind == "images" else values
