"""What a mistyped name may have meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def suggest_name(name: str, valid: Iterable[str], what: str) -> str:
    """Name the nearest valid name; with all of them where they are values, or where none is near."""
    names = list(valid)
    nearest = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"did you mean {nearest[0]!r}?" if nearest else ""
    if nearest and what == "keys":
        return hint
    return f"{hint} valid {what}: {', '.join(names)}".strip()
