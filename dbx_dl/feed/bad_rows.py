"""Counts the rows of one pass that cannot be decoded, and stops it when they are too many."""

from __future__ import annotations

import logging
import threading

from dbx_dl.errors import DataError

logger = logging.getLogger(__name__)

_NUM_EXAMPLES = 5


class BadRows:
    """The undecodable rows that one rank met in one pass over its `num_rows` rows."""

    def __init__(self, split: str, num_rows: int, max_fraction: float) -> None:
        self.count = 0
        self.examples: dict[str, str] = {}
        self._split = split
        self._num_rows = num_rows
        self._max_fraction = max_fraction
        self._lock = threading.Lock()

    def add(self, problems: dict[str, str]) -> None:
        """Note rows, reasons by key; DataError with examples when more than the allowed share has been noted."""
        with self._lock:
            self.count += len(problems)
            for key, reason in problems.items():
                if len(self.examples) < _NUM_EXAMPLES:
                    self.examples[key] = reason
            if self.count > self._max_fraction * self._num_rows:
                raise DataError(
                    f"{self.describe()}: run the prepare stage again (of training rows, feed.max_bad_fraction may fail)"
                )

    def describe(self) -> str:
        """A sentence with the first few of them."""
        shown = "; ".join(f"{key!r} ({reason})" for key, reason in self.examples.items())
        return f"{self.count} of {self._num_rows} rows of the {self._split} split cannot be decoded, such as {shown}"

    def log(self) -> None:
        """Say in the log what was left out, if anything."""
        if self.count:
            logger.warning("%s: they have weight 0", self.describe())
