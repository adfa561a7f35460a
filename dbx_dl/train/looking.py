"""Rows of the train split that an objective looks at before an epoch: the same rows on every rank."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dbx_dl.frameworks.interface import LooksAtRows

if TYPE_CHECKING:
    from dbx_dl.frameworks.interface import Objective, Ranks
    from dbx_dl.train.evaluation import RowFeed

# No epoch of training has this number, so that looking takes no part in the order of any.
_ORDER = 0
# Of large images fewer rows are shown than are wanted, so that their numbers stay below this.
_MAX_NUMBERS = 2**25


def show_rows(objective: Objective, ranks: Ranks, feed: RowFeed, epoch: int) -> None:
    """Show an objective that wants it the first rows of a shuffled order, of those that have a weight.

    Every rank reads its share, and all of them see all.
    """
    if not isinstance(objective, LooksAtRows) or not (num_rows := objective.count_rows(epoch)):
        return
    parts: list[np.ndarray] = []
    for batch in feed.batches(_ORDER):
        parts.append(ranks.gather_rows(batch.inputs[batch.weights > 0]))
        num_rows = min(num_rows, max(objective.least_rows, _MAX_NUMBERS // batch.inputs[0].size))
        if sum(map(len, parts)) >= num_rows:
            break
    objective.look_at(np.concatenate(parts)[:num_rows])
