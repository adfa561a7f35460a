"""In which numbers a network computes while it trains."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

_DTYPES = {"mixed_bfloat16": torch.bfloat16, "mixed_float16": torch.float16}


def compute_in(network: Any, precision: str) -> Any:
    """A context in which the network computes in `precision` while its weights stay float32; predictions do without."""
    device = next((parameter.device.type for parameter in network.parameters()), "cpu")
    return torch.autocast(device, _DTYPES.get(precision), enabled=precision in _DTYPES)


@contextmanager
def compute_exactly() -> Iterator[None]:
    """A context in which a GPU multiplies float32 as such, not with 10 bits of mantissa (TF32), as it may in training.

    Predictions that exported files are held against need it; on a CPU nothing changes.
    """
    convolutions, products = torch.backends.cudnn.allow_tf32, torch.get_float32_matmul_precision()
    torch.backends.cudnn.allow_tf32 = False
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = convolutions
        torch.set_float32_matmul_precision(products)
