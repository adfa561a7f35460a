"""What a checkpoint keeps of PyTorch networks and their optimizers, and of this process' noise, as NumPy arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from dbx_dl.frameworks.noise import read_process_noise, write_process_noise
from dbx_dl.frameworks.torch.batches import to_tensor
from dbx_dl.frameworks.weights import check_state_fits

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Names of bfloat16 tensors, which NumPy does not know and whose bits are kept, end in this.
_BITS = ":bfloat16"
# What comes behind an optimizer's name for its slots that are plain numbers.
_NUMBER = "_number"


def read_state(parts: Mapping[str, Any], optimizers: Mapping[str, Any]) -> dict[str, NDArray[np.generic]]:
    """All parameters and persistent buffers, and each optimizer's slots and step counts.

    `parts` are networks or modules by name; their names and those of optimizers are the first part of an array's.
    """
    arrays = _read_parts(parts)
    for name, optimizer in optimizers.items():
        for number, slots in optimizer.state_dict()["state"].items():
            for key, value in slots.items():
                if torch.is_tensor(value):
                    arrays |= [_pack(f"{name}/{number}/{key}", value)]
                elif value is not None:
                    arrays[f"{name}{_NUMBER}/{number}/{key}"] = np.array(value)
    return arrays


def write_state(
    parts: Mapping[str, Any], optimizers: Mapping[str, Any], arrays: Mapping[str, NDArray[np.generic]]
) -> None:
    """Take over what `read_state` gave; DataError, with nothing changed, when it is of another network.

    Arrays of other kinds, which an objective may keep beside these, are left to it.
    """
    own = {name: array for name, array in arrays.items() if name.partition("/")[0] in parts}
    check_state_fits(own, _read_parts(parts))
    for name, part in parts.items():
        part.load_state_dict({key: _unpack(f"{name}/{key}", arrays) for key in part.state_dict()})
    for name, optimizer in optimizers.items():
        groups = optimizer.state_dict()["param_groups"]
        optimizer.load_state_dict({"state": _unpack_slots(name, arrays), "param_groups": groups})


def read_noise() -> dict[str, NDArray[np.generic]]:
    """States of PyTorch's generators on the CPU and on this rank's GPU, of Python's and of NumPy's."""
    # PyTorch's layers draw from the process' generators.
    arrays = {"torch/cpu": torch.get_rng_state().numpy(), **read_process_noise()}
    if torch.cuda.is_available():
        arrays["torch/cuda"] = torch.cuda.get_rng_state().numpy()
    return arrays


def write_noise(arrays: Mapping[str, NDArray[np.generic]]) -> None:
    """Take over what `read_noise` gave; a GPU's state only where there is a GPU."""
    torch.set_rng_state(to_tensor(arrays["torch/cpu"]))
    if "torch/cuda" in arrays and torch.cuda.is_available():
        torch.cuda.set_rng_state(to_tensor(arrays["torch/cuda"]))
    write_process_noise(arrays)


def _read_parts(parts: Mapping[str, Any]) -> dict[str, NDArray[np.generic]]:
    named = [(f"{name}/{key}", tensor) for name, part in parts.items() for key, tensor in part.state_dict().items()]
    return dict(_pack(name, tensor) for name, tensor in named)


def _unpack_slots(optimizer: str, arrays: Mapping[str, NDArray[np.generic]]) -> dict[int, dict[str, Any]]:
    slots: dict[int, dict[str, Any]] = {}
    for name in arrays:
        kind, _, place = name.partition("/")
        number, _, key = place.partition("/")
        if kind == optimizer:
            plain = name.removesuffix(_BITS)
            slots.setdefault(int(number), {})[key.removesuffix(_BITS)] = _unpack(plain, arrays)
        elif kind == optimizer + _NUMBER:
            slots.setdefault(int(number), {})[key] = arrays[name].item()
    return slots


def _pack(name: str, tensor: Any) -> tuple[str, NDArray[np.generic]]:
    held = tensor.detach().cpu()
    if held.dtype is torch.bfloat16:
        return name + _BITS, np.array(held.view(torch.int16).numpy(), order="C")
    return name, np.array(held.numpy(), order="C")


def _unpack(name: str, arrays: Mapping[str, NDArray[np.generic]]) -> Any:
    if name in arrays:
        return to_tensor(np.array(arrays[name]))
    return to_tensor(np.array(arrays[name + _BITS])).view(torch.bfloat16)
