"""What a commit of predictions says of the scoring that made it."""

from __future__ import annotations

from datetime import datetime

from dbx_dl.contracts.contract import Contract


class ScoreRun(Contract):
    """One commit of predictions: the table's version that it made, when, how many rows it wrote and how long it took.

    `seconds` are of wall time, from before the rows are read to the commit; None where the scorer that made it did
    not say when it began.
    """

    version: int
    finished_at: datetime
    num_rows: int
    seconds: float | None = None
