"""The scenario of the built-in networks: the same weights in each framework, its logits for them, and its ONNX file."""

from __future__ import annotations

import json
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from dbx_dl.config import OptimizerConfig
from dbx_dl.frameworks import load_framework
from dbx_dl.frameworks.interface import Catalog, NetworkRequest
from dbx_dl.frameworks.single_rank import SingleRank

NUM_ROWS = 9
# Modules whose parts are one layer in Keras.
WHOLE = ("SelfAttention", "RecurrentSteps", "AttentionDecoder")
IMAGES, STEPS = ((12, 10, 3), "uint8", 4, 7), ((24,), "float32", 3, 7)
TOKENS = ((11,), "int32", 3, 7, 20)
FRAMES = ((11,), "int32", 33, 7, 20, 11)
CATALOG = Catalog(2, 9, True, ((1, 0, 2, 1, 3, 3, 0), (0, 1, 1, 0, 1, 1, 1)), (4, 2))
HISTORIES = ((13,), "int32", 7, 7, 9, 0, None, 0, 0, CATALOG)
# An eighth of a second.
AUDIO = {"input_shape": (1000,), "input_dtype": "int16", "num_outputs": 4, "seed": 7, "sample_rate": 8000}
STEPS_OF_NUMBERS = {"input_shape": (11, 4), "input_dtype": "float32", "num_outputs": 3, "seed": 7}
REQUESTS = {
    "mlp": NetworkRequest("mlp", {"activation": "softplus", "hidden_units": 16}, *STEPS),
    "mlp_steps": NetworkRequest("mlp", {"activation": "unit_step", "hidden_units": 16}, *STEPS),
    "mlp_piecewise": NetworkRequest("mlp", {"activation": "piecewise_linear", "hidden_units": 16}, *STEPS),
    "perceptron": NetworkRequest("perceptron", {}, *STEPS),
    "adaline": NetworkRequest("adaline", {}, *STEPS),
    "logistic_regression": NetworkRequest("logistic_regression", {}, *STEPS),
    "linear_svm": NetworkRequest("linear_svm", {}, *STEPS),
    "rbf_svm": NetworkRequest("rbf_svm", {"num_features": 32}, *STEPS),
    "convnet": NetworkRequest("convnet", {"activation": "sign"}, *IMAGES),
    "deep_convnet": NetworkRequest("deep_convnet", {}, *IMAGES),
    "resnet": NetworkRequest("resnet", {"num_blocks": 2, "filters": 4}, *IMAGES),
    "detector": NetworkRequest("detector", {"filters": 4}, (16, 8, 3), "uint8", 8 * 4 * 7, 7, grid=(8, 4)),
    "unet": NetworkRequest("unet", {"filters": 4}, (8, 12, 3), "uint8", 8 * 12 * 3, 7, grid=(8, 12)),
    "rnn": NetworkRequest("rnn", {"units": 8, "num_steps": 6}, *STEPS),
    "lstm": NetworkRequest("lstm", {"units": 8, "is_bidirectional": True, "num_layers": 2}, *IMAGES),
    "lstm_one_way": NetworkRequest("lstm", {"units": 8}, *IMAGES),
    "gru": NetworkRequest("gru", {"units": 8, "num_steps": 6, "is_bidirectional": True}, *STEPS),
    "transformer": NetworkRequest("transformer", {"width": 16, "num_heads": 2}, *IMAGES),
    "autoencoder": NetworkRequest("autoencoder", {"num_layers": 2}, (12, 10, 3), "uint8", 720, 7),
    "denoising_autoencoder": NetworkRequest("denoising_autoencoder", {"noise": 0.5}, (24,), "float32", 48, 7),
    "sparse_autoencoder": NetworkRequest("sparse_autoencoder", {"code_size": 9}, (24,), "float32", 48, 7),
    "variational_autoencoder": NetworkRequest("variational_autoencoder", {}, (12, 10, 3), "uint8", 720, 7),
    "deep_belief_network": NetworkRequest("deep_belief_network", {"hidden_units": 9}, *IMAGES),
    "gan": NetworkRequest("gan", {}, (24,), "float32", 48, 7),
    "kmeans": NetworkRequest("kmeans", {}, (12, 10, 3), "uint8", 8, 7),
    "gaussian_mixture": NetworkRequest("gaussian_mixture", {}, (24,), "float32", 10, 7),
    "deep_kmeans": NetworkRequest("deep_kmeans", {"code_size": 6}, (24,), "float32", 8, 7),
    "deep_gaussian_mixture": NetworkRequest("deep_gaussian_mixture", {"code_size": 6}, (12, 10, 3), "uint8", 8, 7),
    "markov_chain": NetworkRequest("markov_chain", {}, *STEPS),
    "text_cnn": NetworkRequest("text_cnn", {"embedding_width": 6, "filters": 5, "widths": "1,2,3,4"}, *TOKENS),
    "rnn_text": NetworkRequest("rnn", {"units": 8, "embedding_width": 6}, *TOKENS),
    "lstm_text": NetworkRequest("lstm", {"units": 8, "is_bidirectional": True, "num_layers": 2}, *TOKENS),
    "gru_text": NetworkRequest("gru", {"units": 8, "num_layers": 2}, *TOKENS),
    "lstm_frames": NetworkRequest("lstm", {"units": 8, "is_bidirectional": True, "num_layers": 2}, *FRAMES),
    "transformer_frames": NetworkRequest("transformer", {"width": 16, "num_heads": 2}, *FRAMES),
    "transformer_text": NetworkRequest("transformer", {"width": 16, "num_heads": 2}, *TOKENS),
    "encoder_decoder": NetworkRequest(
        "encoder_decoder", {"units": 8, "embedding_width": 6}, (11,), "int32", 10, 7, 20, num_words=13
    ),
    "image_captioner": NetworkRequest(
        "image_captioner", {"units": 8, "filters": 4}, (12, 10, 3), "uint8", 8, 7, num_words=9
    ),
    "text_and_columns": NetworkRequest(
        "text_and_columns", {"embedding_width": 6, "filters": 5}, (16,), "float32", 3, 7, 300, num_text_steps=11
    ),
    "matrix_factorization": NetworkRequest("matrix_factorization", {"width": 6}, *HISTORIES),
    "two_tower": NetworkRequest("two_tower", {"width": 6, "hidden_units": 10}, *HISTORIES),
    "gru_history": NetworkRequest("gru", {"units": 8, "embedding_width": 6}, *HISTORIES),
    "transformer_history": NetworkRequest("transformer", {"width": 16, "num_heads": 2}, *HISTORIES),
    "audio_cnn": NetworkRequest("audio_cnn", {"num_mels": 24, "filters": 4}, **AUDIO),
    "encoder_decoder_audio": NetworkRequest(
        "encoder_decoder", {"units": 8, "embedding_width": 6}, **(AUDIO | {"num_outputs": 12, "num_words": 7})
    ),
    "gru_steps": NetworkRequest("gru", {"units": 8, "num_layers": 2, "is_bidirectional": True}, **STEPS_OF_NUMBERS),
    "transformer_steps": NetworkRequest("transformer", {"width": 16, "num_heads": 2}, **STEPS_OF_NUMBERS),
    "lstm_step_frames": NetworkRequest(
        "lstm", {"units": 8, "is_bidirectional": True}, **(STEPS_OF_NUMBERS | {"num_outputs": 33, "num_frames": 11})
    ),
    "transformer_step_frames": NetworkRequest(
        "transformer", {"width": 16, "num_heads": 2}, **(STEPS_OF_NUMBERS | {"num_outputs": 33, "num_frames": 11})
    ),
    "gru_audio": NetworkRequest("gru", {"units": 8}, **(AUDIO | {"input_shape": (2000,), "sample_rate": 16000})),
    "go_policy": NetworkRequest("go_policy", {"filters": 4}, (19 * 19 * 48,), "float32", 361, 7),
}


def main(name: str, folder: Path) -> None:
    """Write `<network>.npy` and `<network>.onnx` of the networks that `networks.json` lists, and `networks.json`."""
    framework = load_framework(name)
    framework.seed_process(1, 1)
    found = {}
    for key in json.loads((folder / "wanted.json").read_text()):
        network = framework.build_network(REQUESTS[key])
        num_parameters = fill_keras(network) if name == "keras" else fill_torch(network)
        objective = framework.create_objective(network, OptimizerConfig(), SingleRank())
        logits = objective.predict(make_inputs(key))
        np.save(folder / f"{key}.npy", logits)
        framework.export_network(network, REQUESTS[key], folder / f"{key}.onnx", 18)
        found[key] = num_parameters
        if REQUESTS[key].sample_rate:
            features = framework.predict_embeddings(network, "log_mel_1", make_inputs(key))
            np.save(folder / f"{key}.features.npy", features)
        if is_padded(REQUESTS[key]):
            if not REQUESTS[key].num_frames:
                # Rows of up to half the steps, without the other half.
                np.save(folder / f"{key}.short.npy", objective.predict(make_inputs(key)[: NUM_ROWS // 2 + 1, :6]))
            if REQUESTS[key].is_text:
                change_padding(network, name)
            np.save(folder / f"{key}.padding.npy", objective.predict(fill_padding(make_inputs(key))))
    (folder / "networks.json").write_text(json.dumps(found))


def is_padded(request: NetworkRequest) -> bool:
    """Whether rows end in padding: texts and numbers by step."""
    return request.is_text or len(request.input_shape) == 2


def make_inputs(key: str) -> np.ndarray:
    """Random rows of the kind that the network takes."""
    request, random = REQUESTS[key], np.random.default_rng(5)
    shape = (NUM_ROWS, *request.input_shape)
    if request.input_dtype == "uint8":
        return random.integers(0, 256, shape, dtype=np.uint8)
    if request.input_dtype == "int16":
        # Noise from the faintest to beyond full scale, silence at its end.
        noise = random.normal(size=shape) * np.geomspace(1, 60_000, NUM_ROWS)[:, None]
        noise[:, 700:] = 0
        return np.clip(noise, -32768, 32767).astype(np.int16)
    if request.is_text:
        return make_ids(shape[1], request.num_tokens, random)
    numbers = random.normal(size=shape).astype(np.float32)
    if request.num_text_steps:
        numbers[:, : request.num_text_steps] = make_ids(request.num_text_steps, request.num_tokens, random)
    if len(request.input_shape) == 2:
        lengths = np.linspace(0, shape[1], NUM_ROWS).astype(int)
        numbers[..., -1] = np.arange(shape[1]) < lengths[:, None]
        numbers *= numbers[..., -1:]
    return numbers


def make_ids(num_steps: int, num_tokens: int, random: np.random.Generator) -> np.ndarray:
    """Rows of 0 (an empty text) to all tokens, padding behind them."""
    lengths = np.linspace(0, num_steps, NUM_ROWS).astype(int)
    ids = random.integers(1, num_tokens, (NUM_ROWS, num_steps), dtype=np.int32)
    return np.where(np.arange(num_steps) < lengths[:, None], ids, 0).astype(np.int32)


def fill_padding(rows: np.ndarray) -> np.ndarray:
    """Rows of numbers by step with other numbers than zeros in their padding; texts as they are."""
    if rows.ndim == 3:
        rows[..., :-1] += 5 * (1 - rows[..., -1:])
    return rows


def change_padding(network: Any, name: str) -> None:
    """Move the vector that padding has, or an unknown user, one way or the other."""
    if name == "keras":
        for layer in (layer for layer in network.layers if layer.name.endswith("embedding_1")):
            weights = layer.get_weights()[0]
            weights[0] += 1
            layer.set_weights([weights])
        return
    for module in (module for name, module in network.named_modules() if name.endswith("embedding_1")):
        getattr(module, "embedding", getattr(module, "weight", None)).data[0] += 1


def draw(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Random weights that depend on their name alone; of one dimension above 0, as variances must be."""
    random = np.random.default_rng(zlib.crc32(name.encode()))
    if len(shape) == 1:
        return random.uniform(0.1, 0.6, shape).astype(np.float32)
    return random.normal(0, 1 / np.sqrt(np.prod(shape[:-1])), shape).astype(np.float32)


def fill_keras(network: Any) -> int:
    """Draw all weights of a Keras network, layer by layer; returns how many are trained."""
    for layer in network.layers:
        layer.set_weights([draw(f"{layer.name}/{place}", tuple(w.shape)) for place, w in enumerate(layer.weights)])
    return sum(int(np.prod(weight.shape)) for weight in network.trainable_weights)


def fill_torch(network: Any) -> int:
    """The same weights in the PyTorch network's layout."""
    import torch

    inner = {id(part) for module in network.modules() if type(module).__name__ in WHOLE for part in module.children()}
    for name, module in network.named_modules():
        if id(module) in inner:
            continue
        for place, (write, shape) in enumerate(list_keras_weights(module)):
            with torch.no_grad():
                write(
                    torch.from_numpy(draw(f"{name.removesuffix('.steps').removesuffix('.convolution')}/{place}", shape))
                )
    return sum(parameter.numel() for parameter in network.parameters())


def list_keras_weights(module: Any) -> Iterator[tuple[Any, tuple[int, ...]]]:
    """What writes each of a module's weights given in Keras' layout, in Keras' order, and the shape there."""
    kind = type(module).__name__
    if kind == "SelfAttention":
        for dense in (module.query, module.key, module.value, module.output):
            yield from _write_dense(dense)
    elif kind == "AttentionDecoder":
        yield module.embedding.weight.copy_, tuple(module.embedding.weight.shape)
        for dense in list(module.children())[1:]:
            yield from _write_dense(dense)
    elif kind == "RecurrentSteps":
        for suffix in ("_l0", "_l0_reverse")[: 1 + module.cell.bidirectional]:
            yield from _write_cell(module.cell, suffix)
    elif kind == "Linear":
        yield from _write_dense(module)
    elif kind == "Conv2d":
        out, channels, height, width = module.weight.shape
        yield lambda a: module.weight.copy_(a.permute(3, 2, 0, 1)), (height, width, channels, out)
        if module.bias is not None:
            yield module.bias.copy_, (out,)
    elif kind == "Embedding":
        yield module.weight.copy_, tuple(module.weight.shape)
    elif kind == "Conv1d":
        out, width, size = module.weight.shape
        yield lambda a: module.weight.copy_(a.permute(2, 1, 0)), (size, width, out)
        yield module.bias.copy_, (out,)
    elif kind == "RandomFourier":
        yield module.frequencies.copy_, tuple(module.frequencies.shape)
        yield module.phases.copy_, tuple(module.phases.shape)
    elif kind == "ItemTower":
        dense = (module.kernel, module.bias, module.output_kernel, module.output_bias, module.item_bias)
        for parameter in (module.embedding, *module.columns, *dense):
            yield parameter.copy_, tuple(parameter.shape)
    elif kind in ("PositionEmbedding", "TokenPositions", "SumEmbedding"):
        yield module.embedding.copy_, tuple(module.embedding.shape)
    elif kind in ("Centroids", "DiagonalMixture"):
        for tensor in module.state_dict().values():
            yield tensor.copy_, tuple(tensor.shape)
    elif kind in ("BatchNorm1d", "BatchNorm2d", "LayerNorm"):
        for name in ("weight", "bias", "running_mean", "running_var"):
            if (tensor := getattr(module, name, None)) is not None:
                yield tensor.copy_, tuple(tensor.shape)


def _write_dense(dense: Any) -> Iterator[tuple[Any, tuple[int, ...]]]:
    yield lambda a: dense.weight.copy_(a.T), tuple(reversed(dense.weight.shape))
    if dense.bias is not None:
        yield dense.bias.copy_, tuple(dense.bias.shape)


def _write_cell(cell: Any, suffix: str) -> Iterator[tuple[Any, tuple[int, ...]]]:
    is_gru = cell.mode == "GRU"

    def reorder(gates_g: Any) -> Any:
        # Keras keeps a GRU's update gate first, PyTorch its reset gate.
        return gates_g.reshape(3, -1, *gates_g.shape[1:])[[1, 0, 2]].reshape(gates_g.shape) if is_gru else gates_g

    for kind in ("weight_ih", "weight_hh"):
        tensor = getattr(cell, kind + suffix)
        yield lambda a, tensor=tensor: tensor.copy_(reorder(a.T)), tuple(reversed(tensor.shape))
    first, second = getattr(cell, f"bias_ih{suffix}"), getattr(cell, f"bias_hh{suffix}")
    if not is_gru:
        yield first.copy_, tuple(first.shape)
        return

    def write_both(a: Any) -> None:
        first.copy_(reorder(a[0]))
        second.copy_(reorder(a[1]))

    yield write_both, (2, *first.shape)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
