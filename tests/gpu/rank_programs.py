"""What ranks run in these tests beside training: which GPU they have, where weights lie, sums through NCCL."""

from __future__ import annotations

import json
import os
from typing import Any

import numpy as np

from dbx_dl.config import OptimizerConfig
from dbx_dl.frameworks import load_framework
from dbx_dl.runtime.gpus import VISIBLE_GPUS
from dbx_dl.runtime.ranks import read_rank_place
from tests.numerics.digits import make_global_batches, request_convnet


def name_gpu(framework: str) -> str | None:
    """The card that a framework finds, by its name."""
    return load_framework(framework).describe_versions().get("gpu")


def list_devices(framework: str) -> list[str]:
    """The GPUs that a framework finds in this process."""
    if framework == "torch":
        import torch

        return [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    import tensorflow as tf

    return [device.name for device in tf.config.get_visible_devices("GPU")]


def show_gpus(framework: str) -> None:
    """Print this rank's place, the GPU that its process was given, and how many the framework finds."""
    load_framework(framework)
    place = read_rank_place()
    seen = {"rank": place.local_rank, "given": os.environ.get(VISIBLE_GPUS), "num": len(list_devices(framework))}
    print(json.dumps(seen))


def step_on_device(framework: str) -> dict[str, Any]:
    """One step as a rank takes it: on which kind of device its weights lie then, and who takes a GPU's memory."""
    adapter = load_framework(framework)
    adapter.seed_process(1, 1)
    ranks = adapter.connect_ranks(read_rank_place())
    network = adapter.build_network(request_convnet())
    objective = adapter.create_objective(network, OptimizerConfig(), ranks)
    sums = objective.train_step(make_global_batches(3)[0], 1e-3)
    kinds = _list_torch_kinds(network) if framework == "torch" else _list_keras_kinds(network)
    return {"kinds": sorted(kinds), "grows": _grows(framework), "loss": sums["loss"]}


def sum_on_devices(framework: str) -> dict[str, Any]:
    """Sum tensors of every rank's device and of the CPU in one collective, and arrays, as training does."""
    adapter = load_framework(framework)
    ranks = adapter.connect_ranks(read_rank_place())
    own = float(ranks.rank + 1)
    if framework == "torch":
        import torch

        from dbx_dl.frameworks.torch.distribute import sum_over_ranks

        device = "cuda" if torch.cuda.is_available() else "cpu"
        tensors = [torch.full((1000,), own, device=device), torch.tensor([own])]
        sums = sum_over_ranks(tensors, ranks, "both")
        kinds, values = [each.device.type for each in sums], [each.cpu().numpy() for each in sums]
    else:
        import tensorflow as tf

        from dbx_dl.frameworks.keras.distribute import sum_over_ranks as sum_tensors

        sums = tf.function(lambda: sum_tensors([tf.fill([1000], own), tf.constant([own])], ranks.size, "both"))()
        kinds, values = [_kind(each.device) for each in sums], [each.numpy() for each in sums]
    arrays = {
        "float64": ranks.sum(np.array([own, 1e-12])),
        "rows": ranks.gather_rows(np.full((ranks.rank, 2), own)),
        "first": ranks.broadcast(np.array([ranks.rank], np.int64)),
    }
    ranks.close()
    return {"kinds": kinds, "values": values, **arrays}


def _list_torch_kinds(network: Any) -> set[str]:
    return {parameter.device.type for parameter in network.parameters()}


def _list_keras_kinds(network: Any) -> set[str]:
    return {_kind(variable.value.device) for variable in network.trainable_variables}


def _kind(device: str) -> str:
    return {"GPU": "cuda", "CPU": "cpu"}[device.rpartition("device:")[2].partition(":")[0]]


def _grows(framework: str) -> list[bool]:
    """Whether TensorFlow takes memory as it needs it, for every GPU that it sees; PyTorch always does."""
    if framework == "torch":
        return [True]
    import tensorflow as tf

    return [bool(tf.config.experimental.get_memory_growth(gpu)) for gpu in tf.config.get_visible_devices("GPU")]
