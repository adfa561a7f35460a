"""The same weights for both frameworks: arrays in Keras' layout, as each framework's own weight file."""

from __future__ import annotations

from pathlib import Path

import numpy as np


def draw_weights(shapes: list[tuple[int, ...]], seed: int) -> list[np.ndarray]:
    """Random float32 weights for these shapes (Keras' layout), of a size that keeps activations moderate."""
    random = np.random.default_rng(seed)
    scales = [1 / np.sqrt(np.prod(shape[:-1])) if len(shape) > 1 else 0.1 for shape in shapes]
    return [random.normal(0, scale, shape).astype(np.float32) for shape, scale in zip(shapes, scales, strict=True)]


def to_torch_layout(array: np.ndarray) -> np.ndarray:
    """Convolutions (H, W, in, out) -> (out, in, H, W), dense (in, out) -> (out, in), biases as they are."""
    return np.ascontiguousarray(array.transpose({4: (3, 2, 0, 1), 2: (1, 0), 1: (0,)}[array.ndim]))


def to_keras_layout(array: np.ndarray) -> np.ndarray:
    """The inverse of `to_torch_layout`."""
    return np.ascontiguousarray(array.transpose({4: (2, 3, 1, 0), 2: (1, 0), 1: (0,)}[array.ndim]))


def write_weights(framework: str, like: Path, weights: list[np.ndarray], path: Path) -> Path:
    """Write Keras-layout weights as the framework's weight file, with the names that the file `like` has."""
    names = list(_read_file(framework, like))
    if framework == "keras":
        np.savez(path, **dict(zip(names, weights, strict=True)))
    else:
        from safetensors.numpy import save_file

        save_file({name: to_torch_layout(array) for name, array in zip(names, weights, strict=True)}, str(path))
    return path


def read_weights(framework: str, path: Path) -> list[np.ndarray]:
    """The weights of a file that the framework saved, in Keras' layout and order."""
    arrays = list(_read_file(framework, path).values())
    return arrays if framework == "keras" else [to_keras_layout(array) for array in arrays]


def _read_file(framework: str, path: Path) -> dict[str, np.ndarray]:
    if framework == "keras":
        with np.load(path, allow_pickle=False) as saved:
            return {name: saved[name] for name in saved.files}
    from safetensors.numpy import load_file

    # A layer's weight comes before its bias as in Keras.
    arrays = load_file(str(path))
    order = sorted(arrays, key=lambda name: (*_place_layer(name.split(".")[0]), name.endswith("bias")))
    return {name: arrays[name] for name in order}


def _place_layer(name: str) -> tuple[int, int]:
    """Layers of a Sequential are numbered, those of convnet and mlp named by what they are and numbered."""
    if name.isdigit():
        return 0, int(name)
    kind, _, number = name.partition("_")
    return ("conv2d", "dense", "logits").index(kind), int(number or 0)
