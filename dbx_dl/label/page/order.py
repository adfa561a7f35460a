"""The order of items that no queue orders: mixed, so that classes take turns, and the same every time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable


def mix_order(keys: Iterable[str]) -> list[str]:
    """Keys by the SHA-256 of their text, as Spark's `sha2(key, 256)` orders them."""
    return sorted(keys, key=lambda key: hashlib.sha256(key.encode()).hexdigest())
