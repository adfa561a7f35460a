"""One rank of `bench_train`: `-m tests.benchmarks.train_loops <variant> <batch size> <steps>` prints its time."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from dbx_dl.config import OptimizerConfig
from dbx_dl.contracts import Batch
from dbx_dl.frameworks import load_framework
from dbx_dl.frameworks.interface import NetworkRequest
from dbx_dl.frameworks.single_rank import SingleRank
from dbx_dl.runtime.ranks import read_rank_place

REQUEST = NetworkRequest("convnet", {"dropout": 0.0}, (28, 28, 1), "uint8", 10, 7)
NUM_WARMUP_STEPS, NUM_BATCHES = 4, 4
PORT_VARIABLE = "BENCH_PORT"


def main(variant: str, batch_size: int, num_steps: int) -> None:
    """Run the variant's loop on batches in memory; every step is as long on every rank."""
    framework, kind = variant.split("_", 1)
    batches = make_batches(batch_size, seed=int(os.environ["HOROVOD_RANK"]))
    run, close = LOOPS[framework, kind](batches)
    run(NUM_WARMUP_STEPS)
    started, cpu_started = time.perf_counter(), time.process_time()
    run(num_steps)
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu_started
    print(f"images {batch_size * num_steps} seconds {seconds} cpu_seconds {cpu_seconds}", flush=True)
    close()


def make_batches(batch_size: int, seed: int) -> list[Batch]:
    """Random images and labels."""
    random = np.random.default_rng(seed)
    return [
        Batch(
            random.integers(0, 256, (batch_size, 28, 28, 1), dtype=np.uint8),
            random.integers(0, 10, batch_size),
            np.ones(batch_size, np.float32),
            ("",) * batch_size,
        )
        for _ in range(NUM_BATCHES)
    ]


Loop = tuple[Callable[[int], None], Callable[[], Any]]


def run_objective(name: str, batches: list[Batch], *, is_alone: bool = False) -> Loop:
    """Our own step, with gradients reduced over ranks unless it is to be alone."""
    framework = load_framework(name)
    framework.seed_process(1, 1)
    ranks = SingleRank() if is_alone else framework.connect_ranks(read_rank_place())
    optimizer = OptimizerConfig(name="sgd", momentum=0.9)
    objective = framework.create_objective(framework.build_network(REQUEST), optimizer, ranks)
    objective.broadcast_state()

    def run(num_steps: int) -> None:
        for step in range(num_steps):
            objective.train_step(batches[step % NUM_BATCHES], 0.01)

    return run, ranks.close


def run_plain_torch(batches: list[Batch], kind: str) -> Loop:
    """The loop that people write: alone, under DistributedDataParallel over Gloo, or with Horovod's hooks."""
    import torch
    from torch.nn import functional

    from dbx_dl.frameworks.torch import build_network, seed_process

    seed_process(1, 1)
    network, close = build_network(REQUEST), _do_nothing
    place = read_rank_place()
    if kind == "ddp":
        torch.distributed.init_process_group(
            "gloo", init_method=f"tcp://127.0.0.1:{os.environ[PORT_VARIABLE]}", rank=place.rank, world_size=place.size
        )
        network, close = torch.nn.parallel.DistributedDataParallel(network), torch.distributed.destroy_process_group
    optimizer: Any = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9)
    if kind == "hooks":
        import horovod.torch as hvd

        hvd.init()
        hvd.broadcast_parameters(network.state_dict(), root_rank=0)
        optimizer = hvd.DistributedOptimizer(optimizer, named_parameters=network.named_parameters())
        close = hvd.shutdown
    tensors = [(torch.from_numpy(batch.inputs), torch.from_numpy(batch.labels)) for batch in batches]

    def run(num_steps: int) -> None:
        for step in range(num_steps):
            inputs, labels = tensors[step % NUM_BATCHES]
            optimizer.zero_grad()
            functional.cross_entropy(network(inputs), labels).backward()
            optimizer.step()

    return run, close


def run_plain_fit(batches: list[Batch]) -> Loop:
    """`model.fit` on arrays in memory, without any other rank."""
    from dbx_dl.frameworks.keras import build_network, seed_process

    seed_process(1, 1)
    import keras

    model = build_network(REQUEST)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.01, momentum=0.9), loss, jit_compile=False)
    batch_size = len(batches[0].labels)

    def run(num_steps: int) -> None:
        chosen = [batches[step % NUM_BATCHES] for step in range(num_steps)]
        inputs = np.concatenate([batch.inputs for batch in chosen])
        labels = np.concatenate([batch.labels for batch in chosen])
        model.fit(inputs, labels, batch_size=batch_size, epochs=1, shuffle=False, verbose=0)

    return run, _do_nothing


def _do_nothing() -> None:
    """Nothing has to be closed."""


LOOPS: dict[tuple[str, str], Callable[[list[Batch]], Loop]] = {
    ("torch", "alone"): lambda batches: run_plain_torch(batches, "alone"),
    ("torch", "ddp"): lambda batches: run_plain_torch(batches, "ddp"),
    ("torch", "hooks"): lambda batches: run_plain_torch(batches, "hooks"),
    ("torch", "ours"): lambda batches: run_objective("torch", batches),
    ("torch", "ours_alone"): lambda batches: run_objective("torch", batches, is_alone=True),
    ("keras", "fit"): run_plain_fit,
    ("keras", "ours"): lambda batches: run_objective("keras", batches),
    ("keras", "ours_alone"): lambda batches: run_objective("keras", batches, is_alone=True),
}


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
