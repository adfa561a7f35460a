"""Which of ONNX Runtime's providers run a model, on which device, within how much memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from dbx_dl.errors import SetupError

PROVIDERS = {
    "tensorrt": "TensorrtExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "cpu": "CPUExecutionProvider",
}
_FIXES = {
    "tensorrt": "install onnxruntime-gpu and TensorRT where the model runs, or leave tensorrt out of `providers`",
    "cuda": "install onnxruntime-gpu and CUDA where the model runs, or score with providers [cpu]",
    "cpu": "install onnxruntime",
}


@dataclass(frozen=True)
class SessionSettings:
    """How a model runs in a process: names of PROVIDERS in order, the device of those that need one, its memory."""

    num_threads: int = 1
    providers: tuple[str, ...] = ("cpu",)
    device: int = 0
    gpu_memory_bytes: int | None = None

    @property
    def needs_gpu(self) -> bool:
        """Whether the first provider needs a GPU."""
        return self.providers[0] != "cpu"

    def on_device(self, device: int) -> SessionSettings:
        """The settings for one of the machine's devices."""
        return replace(self, device=device)


def list_providers(settings: SessionSettings) -> list[tuple[str, dict[str, Any]]]:
    """The `providers` of an onnxruntime.InferenceSession; the CPU is the last, for what others cannot run.

    The arena of a GPU grows by what is asked for, up to the limit, so that workers can share a card.
    """
    gpu: dict[str, Any] = {"device_id": settings.device}
    cuda = gpu | {"arena_extend_strategy": "kSameAsRequested"}
    if settings.gpu_memory_bytes is not None:
        cuda |= {"gpu_mem_limit": settings.gpu_memory_bytes}
        gpu |= {"trt_max_workspace_size": settings.gpu_memory_bytes}
    options: dict[str, dict[str, Any]] = {"tensorrt": gpu, "cuda": cuda, "cpu": {}}
    return [(PROVIDERS[name], options[name]) for name in dict.fromkeys((*settings.providers, "cpu"))]


def require_provider(settings: SessionSettings, present: Sequence[str], what: str) -> None:
    """SetupError unless the first provider asked for is among those present; `what` says whose list that is."""
    name = settings.providers[0]
    if PROVIDERS[name] not in present:
        short = [known for known, long in PROVIDERS.items() if long in present]
        raise SetupError(f"provider {name!r} was asked for, {what} {', '.join(short) or 'none'}", _FIXES[name])


def name_providers(used: Sequence[str]) -> tuple[str, ...]:
    """The short names of what a session runs on, in order."""
    short = {long: name for name, long in PROVIDERS.items()}
    return tuple(short.get(name, name) for name in used)


def choose_device(task_gpus: Sequence[str], visible: str | None, num_gpus: int, slot: int) -> int:
    """The number that CUDA gives to a task's GPU, counted among those that the process sees.

    `task_gpus` are the addresses that Spark gave the task: then the first. Without, tasks take turns by `slot`.
    `visible` is CUDA_VISIBLE_DEVICES, `num_gpus` the machine's number of cards. 0 where there is none to choose.
    """
    names = None if visible is None else [name.strip() for name in visible.split(",") if name.strip()]
    if task_gpus:
        address = task_gpus[0]
        if names is not None:
            return names.index(address) if address in names else 0
        return int(address) if address.isdigit() else 0
    count = num_gpus if names is None else len(names)
    return slot % count if count else 0
