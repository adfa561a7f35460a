"""Which layers of a network are frozen: patterns of their names, the same for all frameworks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from dbx_dl.errors import ConfigError

_NUM_SHOWN = 12


def choose_frozen(names: Iterable[str], patterns: Sequence[str]) -> list[str]:
    """The names that a pattern (with *, ? and [...]) matches; ConfigError for a pattern that matches none."""
    known = list(names)
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in known):
            shown = ", ".join(known[:_NUM_SHOWN]) + (", ..." if len(known) > _NUM_SHOWN else "")
            raise ConfigError(f"train.freeze: {pattern!r} matches no layer; layers with weights are {shown}")
    return [name for name in known if any(fnmatchcase(name, pattern) for pattern in patterns)]


def require_trainable(num_left: int, patterns: Sequence[str]) -> None:
    """ConfigError when nothing is left to train."""
    if num_left == 0:
        raise ConfigError(f"train.freeze: {', '.join(patterns)} leaves nothing to train")
