"""The random states of this process outside any framework: Python's and NumPy's, as arrays."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def read_process_noise() -> dict[str, NDArray[np.generic]]:
    """The states of `random` and of `np.random`'s global generator."""
    _, words, gauss = random.getstate()
    _, keys, place, has_gauss, cached_gauss = np.random.get_state()
    return {
        "python/words": np.array(words, np.uint64),
        "python/gauss": np.array([] if gauss is None else [gauss], np.float64),
        "numpy/keys": np.array(keys, np.uint32),
        "numpy/place": np.array([place, has_gauss], np.int64),
        "numpy/gauss": np.array([cached_gauss], np.float64),
    }


def write_process_noise(arrays: Mapping[str, NDArray[np.generic]]) -> None:
    """Take over states that `read_process_noise` gave."""
    gauss = arrays["python/gauss"].tolist()
    random.setstate((3, tuple(arrays["python/words"].tolist()), gauss[0] if gauss else None))
    place, has_gauss = arrays["numpy/place"].tolist()
    keys = arrays["numpy/keys"].astype(np.uint32)
    np.random.set_state(("MT19937", keys, place, has_gauss, arrays["numpy/gauss"].tolist()[0]))
