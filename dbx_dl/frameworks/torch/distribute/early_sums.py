"""Sums of large gradients that travel between ranks while the backward pass still computes the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from dbx_dl.frameworks.horovod_ranks import HorovodRanks, import_binding

if TYPE_CHECKING:
    from dbx_dl.frameworks.interface import Ranks

BINDING = "horovod.torch"
# Smaller gradients gain nothing from travelling alone.
_EARLY_BYTES = 2**18


class EarlySums:
    """Starts the sum of a large gradient as soon as it is there; every rank sums the same gradients, early or late.

    Only on the CPU and through Horovod; elsewhere nothing is early.
    """

    def __init__(self, ranks: Ranks) -> None:
        self._binding: Any = import_binding(BINDING) if isinstance(ranks, HorovodRanks) else None
        self._names: dict[Any, str] = {}
        self._handles: dict[Any, int] = {}
        self._is_open = False

    def is_early(self, parameter: Any) -> bool:
        """Whether this parameter's gradient is summed by itself: the same answer on every rank."""
        is_large = parameter.numel() * parameter.element_size() >= _EARLY_BYTES
        return self._binding is not None and is_large and parameter.device.type == "cpu"

    def begin(self, parameters: list[Any]) -> None:
        """The backward pass that comes completes the gradients of a step."""
        self._register(parameters)
        self._is_open = True

    def start_rest(self, parameters: list[Any], gradients: list[Any]) -> None:
        """Start the sums that have not begun; gradients are dense and contiguous."""
        self._register(parameters)
        self._is_open = False
        for parameter, gradient in zip(parameters, gradients, strict=True):
            if parameter in self._names and parameter not in self._handles:
                self._start(parameter, gradient)

    def finish(self, parameter: Any) -> Any:
        """Wait for the sum over all ranks, which is where the gradient was."""
        return self._binding.synchronize(self._handles.pop(parameter))

    def _register(self, parameters: list[Any]) -> None:
        for parameter in parameters:
            if parameter not in self._names and self.is_early(parameter):
                self._names[parameter] = f"dbx_dl_gradient_{len(self._names)}"
                parameter.register_post_accumulate_grad_hook(self._start_from_hook)

    def _start(self, parameter: Any, gradient: Any) -> None:
        name, total = self._names[parameter], self._binding.Sum
        self._handles[parameter] = self._binding.allreduce_async_(gradient, op=total, name=name)

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def _start_from_hook(self, parameter: Any) -> None:
        gradient = parameter.grad
        if self._is_open and not gradient.is_sparse and gradient.is_contiguous():
            self._start(parameter, gradient)
