"""How long the rows of sequences are."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Lengths:
    """Rows by their length: tokens of a text, or steps."""

    lengths: dict[int, int]

    @property
    def longest(self) -> int:
        """The longest row."""
        return max(self.lengths, default=0)

    def count_longer(self, limit: int) -> int:
        """Rows longer than `limit`."""
        return sum(rows for length, rows in self.lengths.items() if length > limit)
