"""What explains rows in one process: the loaded model, the scores that are explained, and what else methods need."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbx_dl.explain.explained import ExplainedRows

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from dbx_dl.config import ExplainOptions
    from dbx_dl.contracts import InputSpec, StoredNetwork
    from dbx_dl.explain.scores import ExplainedScores, RowScorer
    from dbx_dl.score.model.plan import ScorePlan
    from dbx_dl.score.model.session import ModelSession


@dataclass(frozen=True)
class OpenedModel:
    """A model that is loaded, with `plan` for binding rows as the method wants them.

    `inputs` are those of a model of dbx_dl, None of others. `background` holds input arrays of the rows that absent
    features come from, `network` and `weights` the trained network, where the method needs either.
    """

    session: ModelSession
    plan: ScorePlan
    scores: ExplainedScores
    scorer: RowScorer
    options: ExplainOptions
    inputs: InputSpec | None
    background: Mapping[str, NDArray[Any]] | None = None
    network: StoredNetwork | None = None
    weights: Path | None = None

    def name(self, places: NDArray[np.int64]) -> list[str]:
        """Labels of the scores that are explained."""
        return [self.scores.names[place] for place in places.tolist()]


# From an opened model, the raw rows of a batch that could be bound, and their input arrays, to their explanations.
Explain = Callable[[OpenedModel, "pa.RecordBatch", Mapping[str, "NDArray[Any]"]], ExplainedRows]
