"""What frameworks do on machines with GPUs, as far as a machine without can show; each framework in a process apart."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

REDUCE_ON_TWO_DEVICES = """
import json, torch
from types import SimpleNamespace
from dbx_dl.frameworks.torch import distribute
from dbx_dl.frameworks.torch.precision import compute_exactly

given = []

def grouped_allreduce_(tensors, op, name):
    given.extend(tensor.device.type for tensor in tensors)
    return [torch.ones(tensor.shape) for tensor in tensors]

def reduce(nccl):
    given.clear()
    binding = SimpleNamespace(Sum=1, nccl_built=lambda: nccl, grouped_allreduce_=grouped_allreduce_)
    distribute.import_binding = lambda name: binding
    # `meta` stands in for a GPU.
    tensors = [torch.zeros(2, device="meta"), torch.zeros(1)] if nccl else [torch.zeros(2), torch.zeros(1)]
    sums = distribute.sum_over_ranks(tensors, SimpleNamespace(size=2), "name")
    return [list(given), [tensor.device.type for tensor in sums]]

def read_tf32():
    return [torch.backends.cudnn.allow_tf32, torch.get_float32_matmul_precision()]

torch.set_float32_matmul_precision("high")
with compute_exactly():
    tf32 = [read_tf32()]
print(json.dumps([reduce(nccl) for nccl in (22703, 0)] + [[*tf32, read_tf32()]]))
"""

KEEP_OWN_GPU = """
import json
from dbx_dl.frameworks import load_framework
keras = load_framework("keras")
import tensorflow as tf
from dbx_dl.frameworks.keras import distribute
from dbx_dl.frameworks.keras.precision import compute_exactly
from dbx_dl.runtime.ranks import RankPlace

done = []
tf.config.list_physical_devices = lambda kind: ["first", "second"]
tf.config.set_visible_devices = lambda gpu, kind: done.append(["visible", gpu])
tf.config.experimental.set_memory_growth = lambda gpu, grows: done.append([gpu, grows])
distribute.join_group = lambda *_: (_ for _ in ()).throw(RuntimeError("joined"))
alone = keras.connect_ranks(RankPlace())
try:
    keras.connect_ranks(RankPlace(rank=3, size=4, local_rank=3, local_size=4))
except RuntimeError as error:
    done.append(str(error))
is_tf32 = tf.config.experimental.tensor_float_32_execution_enabled
with compute_exactly():
    tf32 = [is_tf32()]
print(json.dumps([alone.size, done, [*tf32, is_tf32()]]))
"""


def run(script: str) -> Any:
    """What the script printed last."""
    return json.loads(subprocess.check_output([sys.executable, "-c", script], text=True).splitlines()[-1])


def test_torch_gives_horovod_a_group_on_one_device_and_predicts_in_float32() -> None:
    with_nccl, without, tf32 = run(REDUCE_ON_TWO_DEVICES)
    assert with_nccl == [["meta", "meta"], ["meta", "cpu"]]
    assert without == [["cpu", "cpu"], ["cpu", "cpu"]]
    # And predictions are computed in float32 proper, training as it was asked for.
    assert tf32 == [[False, "highest"], [True, "high"]]


def test_tensorflow_keeps_one_gpu_before_ranks_meet_and_predicts_in_float32() -> None:
    own = [["visible", "first"], ["first", True]]
    assert run(KEEP_OWN_GPU) == [1, [*own, ["visible", "second"], ["second", True], "joined"], [False, True]]
