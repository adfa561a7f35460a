"""A network function as a user may get it wrong, for every framework."""

from __future__ import annotations

from typing import Any


def build_nothing(request: Any) -> Any:
    """Returns no network."""
    return None
