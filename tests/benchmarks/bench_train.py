"""Images per second of two training ranks on batches in memory, against loops that people write, in one run.

`python -m tests.benchmarks.bench_train [--batch-size N] [--steps N] [--repeats N] [--framework torch|keras]`. Two
processes with one thread each train the built-in convnet on 28x28 images. PyTorch: our step against a bare loop under
DistributedDataParallel (Gloo) and against Horovod's per-parameter hooks; Keras: our step against two `model.fit` that
know nothing of each other. `alone` variants reduce nothing: the honest limit. Each variant runs in turn, several times;
the best counts, and only ratios mean something. Images per second of CPU time are what remains comparable where other
work keeps the cores busy: they leave out waiting, but count all that computing and moving gradients costs.
"""

from __future__ import annotations

import argparse
import os
import re
import socket
import sys

from tests.benchmarks.train_loops import PORT_VARIABLE
from tests.numerics.children import run_ranks

NUM_RANKS = 2
CYCLE = "HOROVOD_CYCLE_TIME"
# Variant, its environment, and what it is.
VARIANTS: dict[str, list[tuple[str, dict[str, str], str]]] = {
    "torch": [
        ("torch_ddp", {}, "bare loop, DistributedDataParallel over Gloo"),
        ("torch_alone", {}, "bare loop, nothing reduced"),
        ("torch_ours_alone", {}, "our step, nothing reduced"),
        ("torch_hooks", {CYCLE: "5"}, "bare loop, Horovod's hooks, cycle 5 ms"),
        ("torch_ours", {}, "our step, cycle 1 ms (Horovod's default)"),
        ("torch_ours", {CYCLE: "5"}, "our step, cycle 5 ms"),
        ("torch_ours", {CYCLE: "20"}, "our step, cycle 20 ms"),
    ],
    "keras": [
        ("keras_fit", {}, "two model.fit, nothing reduced"),
        ("keras_ours_alone", {}, "our step, nothing reduced"),
        ("keras_ours", {}, "our step, cycle 1 ms (Horovod's default)"),
        ("keras_ours", {CYCLE: "5"}, "our step, cycle 5 ms"),
        ("keras_ours", {CYCLE: "20"}, "our step, cycle 20 ms"),
    ],
}


def measure(variant: str, variables: dict[str, str], batch_size: int, num_steps: int) -> tuple[float, float]:
    """Images per second of both ranks together, and per second of CPU time."""
    command = [sys.executable, "-m", "tests.benchmarks.train_loops", variant, str(batch_size), str(num_steps)]
    outputs = run_ranks(command, NUM_RANKS, {PORT_VARIABLE: str(find_port()), "OMP_NUM_THREADS": "1", **variables})
    pattern = re.compile(r"images (\d+) seconds ([\d.]+) cpu_seconds ([\d.]+)")
    found = [tuple(map(float, match)) for output in outputs for match in pattern.findall(output)]
    return sum(n / seconds for n, seconds, _ in found), sum(n for n, _, _ in found) / sum(cpu for _, _, cpu in found)


def find_port() -> int:
    """A port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def compare(framework: str, batch_size: int, num_steps: int, repeats: int) -> None:
    """Measure every variant in turn and print it beside the first one."""
    variants = VARIANTS[framework]
    best = [(0.0, 0.0)] * len(variants)
    for _ in range(repeats):
        for place, (variant, variables, _) in enumerate(variants):
            found = measure(variant, variables, batch_size, num_steps)
            best[place] = max(best[place][0], found[0]), max(best[place][1], found[1])
    (speed, speed_of_cpu), load = best[0], os.getloadavg()[0]
    step_ms = 1000 * batch_size * NUM_RANKS / speed
    print(f"{framework}: {NUM_RANKS} ranks, batches of {batch_size}, {step_ms:.0f} ms a step; load {load:.1f}")
    print("  images/s  ratio  images/CPU s  ratio")
    for (wall, cpu), (_, _, what) in zip(best, variants, strict=True):
        print(f"  {wall:8,.0f}  {wall / speed:5.2f}  {cpu:12,.0f}  {cpu / speed_of_cpu:5.2f}  {what}", flush=True)


def main() -> None:
    """Read the arguments, compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch-size", type=int, default=512)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--framework", choices=sorted(VARIANTS), action="append")
    arguments = parser.parse_args()
    for framework in arguments.framework or sorted(VARIANTS):
        compare(framework, arguments.batch_size, arguments.steps, arguments.repeats)


if __name__ == "__main__":
    main()
