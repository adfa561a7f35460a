"""In which numbers a network computes while it trains."""

from __future__ import annotations

from typing import Any

import torch

_DTYPES = {"mixed_bfloat16": torch.bfloat16, "mixed_float16": torch.float16}


def compute_in(network: Any, precision: str) -> Any:
    """A context in which the network computes in `precision` while its weights stay float32; predictions do without."""
    device = next((parameter.device.type for parameter in network.parameters()), "cpu")
    return torch.autocast(device, _DTYPES.get(precision), enabled=precision in _DTYPES)
