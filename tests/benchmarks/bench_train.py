"""Images per second of two training ranks on batches in memory, against loops that people write, in one run.

`python -m tests.benchmarks.bench_train [--batch-size N] [--steps N] [--repeats N] [--framework torch|keras]`. Two
processes with one thread each train the built-in convnet on 28x28 images. PyTorch: our step against a bare loop under
DistributedDataParallel (Gloo) and against Horovod's per-parameter hooks; Keras: our step against two `model.fit` that
know nothing of each other. `alone` variants reduce nothing: the honest limit. Each variant runs in turn, several times;
the best counts, and only ratios mean something.
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
        ("torch_hooks", {}, "bare loop, Horovod's hooks"),
        ("torch_ours", {CYCLE: "0.5"}, "our step, cycle 0.5 ms"),
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


def measure(variant: str, variables: dict[str, str], batch_size: int, num_steps: int) -> float:
    """Images per second of both ranks together."""
    command = [sys.executable, "-m", "tests.benchmarks.train_loops", variant, str(batch_size), str(num_steps)]
    outputs = run_ranks(command, NUM_RANKS, {PORT_VARIABLE: str(find_port()), "OMP_NUM_THREADS": "1", **variables})
    return sum(float(found) for output in outputs for found in re.findall(r"images/s ([\d.]+)", output))


def find_port() -> int:
    """A port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def compare(framework: str, batch_size: int, num_steps: int, repeats: int) -> None:
    """Measure every variant in turn and print it beside the first one."""
    variants = VARIANTS[framework]
    best = [0.0] * len(variants)
    for _ in range(repeats):
        for place, (variant, variables, _) in enumerate(variants):
            best[place] = max(best[place], measure(variant, variables, batch_size, num_steps))
    step_ms = 1000 * batch_size * NUM_RANKS / best[0]
    print(f"{framework}: {NUM_RANKS} ranks, batches of {batch_size}, {step_ms:.0f} ms a step, {os.cpu_count()} cores")
    for speed, (_, _, what) in zip(best, variants, strict=True):
        print(f"  {speed:8,.0f} images/s  {speed / best[0]:.2f}  {what}")


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
