"""What a checkpoint keeps of a PyTorch network and its optimizer, and of this process' noise, as NumPy arrays."""

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


def read_state(network: Any, optimizer: Any) -> dict[str, NDArray[np.generic]]:
    """All parameters and persistent buffers, and the optimizer's slots and step counts."""
    arrays = dict(_pack(f"network/{name}", tensor) for name, tensor in network.state_dict().items())
    for number, slots in optimizer.state_dict()["state"].items():
        for key, value in slots.items():
            if torch.is_tensor(value):
                arrays |= [_pack(f"optimizer/{number}/{key}", value)]
            elif value is not None:
                arrays[f"optimizer_number/{number}/{key}"] = np.array(value)
    return arrays


def write_state(network: Any, optimizer: Any, arrays: Mapping[str, NDArray[np.generic]]) -> None:
    """Take over what `read_state` gave; DataError, with nothing changed, when it is of another network.

    Arrays of other kinds, which an objective may keep beside these, are left to it.
    """
    expected = dict(_pack(f"network/{name}", tensor) for name, tensor in network.state_dict().items())
    check_state_fits({name: array for name, array in arrays.items() if name.startswith("network/")}, expected)
    network.load_state_dict({name: _unpack(f"network/{name}", arrays) for name in network.state_dict()})
    slots: dict[int, dict[str, Any]] = {}
    for name in arrays:
        kind, _, place = name.partition("/")
        number, _, key = place.partition("/")
        if kind == "optimizer":
            plain = name.removesuffix(_BITS)
            slots.setdefault(int(number), {})[key.removesuffix(_BITS)] = _unpack(plain, arrays)
        elif kind == "optimizer_number":
            slots.setdefault(int(number), {})[key] = arrays[name].item()
    optimizer.load_state_dict({"state": slots, "param_groups": optimizer.state_dict()["param_groups"]})


def read_noise(network: Any) -> dict[str, NDArray[np.generic]]:
    """States of PyTorch's generators on the CPU and on this rank's GPU, of Python's and of NumPy's."""
    del network  # PyTorch's layers draw from the process' generators
    arrays = {"torch/cpu": torch.get_rng_state().numpy(), **read_process_noise()}
    if torch.cuda.is_available():
        arrays["torch/cuda"] = torch.cuda.get_rng_state().numpy()
    return arrays


def write_noise(network: Any, arrays: Mapping[str, NDArray[np.generic]]) -> None:
    """Take over what `read_noise` gave; a GPU's state only where there is a GPU."""
    del network
    torch.set_rng_state(to_tensor(arrays["torch/cpu"]))
    if "torch/cuda" in arrays and torch.cuda.is_available():
        torch.cuda.set_rng_state(to_tensor(arrays["torch/cuda"]))
    write_process_noise(arrays)


def _pack(name: str, tensor: Any) -> tuple[str, NDArray[np.generic]]:
    held = tensor.detach().cpu()
    if held.dtype is torch.bfloat16:
        return name + _BITS, np.array(held.view(torch.int16).numpy(), order="C")
    return name, np.array(held.numpy(), order="C")


def _unpack(name: str, arrays: Mapping[str, NDArray[np.generic]]) -> Any:
    if name in arrays:
        return to_tensor(np.array(arrays[name]))
    return to_tensor(np.array(arrays[name + _BITS])).view(torch.bfloat16)
