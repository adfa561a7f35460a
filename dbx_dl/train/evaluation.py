"""Metrics over every row of a split, each counted once, from what all ranks observed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from dbx_dl.contracts import Batch
from dbx_dl.errors import RankFailedError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dbx_dl.frameworks.interface import Measures, Objective, Ranks


class RowFeed(Protocol):
    """What the loop asks of a rank's share of a split."""

    @property
    def num_rows(self) -> int:
        """Rows of the split over all ranks."""

    @property
    def num_steps(self) -> int:
        """Batches per epoch, the same on every rank."""

    def batches(self, epoch: int | None, first_step: int = 0) -> Iterator[Batch]:
        """The rank's batches from a step on.

        In the order of an epoch, or with None in stored order, stretch by stretch in rank order.
        """


def evaluate(objective: Objective, ranks: Ranks, feed: RowFeed, prefix: str) -> dict[str, float]:
    """Metrics of a split over all its rows, each counted once, named `<prefix><metric>`; none for an empty split."""
    observed = observe_split(objective, ranks, feed)
    return {f"{prefix}{name}": value for name, value in objective.measures.measure(observed).items()}


def observe_split(
    objective: Objective, ranks: Ranks, feed: RowFeed, measures: Measures | None = None
) -> dict[str, NDArray[Any]]:
    """What the objective's measures, or others, observe of all rows, in stored order, on every rank.

    Nothing of an empty split.
    """
    measures = measures or objective.measures
    parts = [_observe_rows(objective, measures, batch) for batch in feed.batches(None)]
    if not parts:
        return {}
    gathered = {name: ranks.gather_rows(np.concatenate([part[name] for part in parts])) for name in sorted(parts[0])}
    for rows in gathered.values():
        if len(rows) != feed.num_rows:
            raise RankFailedError(f"evaluation saw {len(rows)} of {feed.num_rows} rows: ranks read different tables")
    return gathered


def _observe_rows(objective: Objective, measures: Measures, batch: Batch) -> dict[str, NDArray[Any]]:
    observed = measures.observe(batch, objective.predict(batch.inputs))
    return {name: values[batch.is_row] for name, values in observed.items()}
