"""Which of a model's numbers is explained: the score of a class, of a label, or a predicted number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dbx_dl.errors import ConfigError
from dbx_dl.runtime.tables import suggest_name
from dbx_dl.score.outputs.class_scores import ClassScores, LabelSets, to_probabilities
from dbx_dl.score.outputs.cluster_scores import ClusterScores
from dbx_dl.score.outputs.output_parts import NamedValues, PlainOutput
from dbx_dl.score.running import call_model

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dbx_dl.explain.methods.rows import Floats, Rows
    from dbx_dl.score.model.plan import ScorePlan
    from dbx_dl.score.model.session import ModelSession
    from dbx_dl.score.outputs.output_parts import OutputPart

_Explainable = ClassScores | LabelSets | ClusterScores | NamedValues | PlainOutput


@dataclass(frozen=True)
class ExplainedScores:
    """One output of a model as scores (N, K) with a name for each column, and the one that is asked for.

    `wanted` is None where every row's own prediction is explained: the class that it gets.
    """

    part: _Explainable
    names: tuple[str, ...]
    wanted: int | None

    def read(self, values: Any) -> Floats:
        """Scores float64 (N, K) of what the model gives."""
        import numpy as np

        if isinstance(self.part, ClassScores | LabelSets):
            values = to_probabilities(values, self.part.labels, self.part.activation)
        scores: Floats = np.asarray(values, np.float64)
        return scores.reshape(len(scores), -1)[:, : len(self.names)]

    def choose(self, values: Any) -> NDArray[np.int64]:
        """The column (N,) that is explained of each row."""
        import numpy as np

        if self.wanted is not None:
            return np.full(len(values), self.wanted, np.int64)
        if isinstance(self.part, ClassScores) and len(values):
            labels = self.part.build(values, {"label"})["label"].to_pylist()
            return np.array([self.names.index(label) for label in labels], np.int64)
        return np.asarray(self.read(values).argmax(axis=1), np.int64) if len(values) else np.empty(0, np.int64)


def find_scores(plan: ScorePlan, label: str | None, model: str) -> ExplainedScores:
    """The scores of a model's first output that has some, and of `label`, a class or the name of a number, if given.

    Without a label every row's predicted class is explained; of several numbers the middle quantile or the first.
    ConfigError when the model predicts nothing of the kind, or has no such label.
    """
    # What the option `fields` leaves out does not come out of the model.
    part = next((each for each in plan.parts if each.output in plan.outputs and _has_scores(each)), None)
    if part is None or not isinstance(part, _Explainable):
        raise ConfigError(
            f"model {model} gives no score of a class and no number for a row ({', '.join(plan.fields)}), which could "
            "be explained: explanations are for classes, labels, clusters and numbers. Of a file of others the options "
            "`scores` and `labels` of scoring say which output has a number for each class, and what these are called"
        )
    names = _name_scores(part)
    if label is not None and label not in names:
        raise ConfigError(f"model {model} has no label {label!r} to explain; {suggest_name(label, names)}")
    if label is not None:
        return ExplainedScores(part, names, names.index(label))
    has_classes = isinstance(part, ClassScores | LabelSets | ClusterScores)
    return ExplainedScores(part, names, None if has_classes and len(names) > 1 else _find_middle(names))


def open_predict(session: ModelSession, scores: ExplainedScores) -> RowScorer:
    """What predicts the scores of rows with the session, in batches as scoring has them."""
    return RowScorer(session, scores)


class RowScorer:
    """Scores float64 (N, K) of input arrays of any number of rows; at most as many at once as the plan says."""

    def __init__(self, session: ModelSession, scores: ExplainedScores) -> None:
        self._session = session
        self._scores = scores
        self._place = session.plan.outputs.index(scores.part.output)

    def run(self, rows: Rows) -> list[Any]:
        """What the model gives for the output, batch by batch."""
        num_rows = len(next(iter(rows.values())))
        size = self._session.plan.max_rows
        found = []
        for start in range(0, num_rows, size):
            part = {name: array[start : start + size] for name, array in rows.items()}
            found.append(call_model(self._session, part, min(size, num_rows - start))[self._place])
        return found

    def __call__(self, rows: Mapping[str, NDArray[Any]]) -> Floats:
        """Scores of the rows."""
        import numpy as np

        parts = [self._scores.read(values) for values in self.run(rows)]
        return np.concatenate(parts) if parts else np.empty((0, len(self._scores.names)))

    def choose(self, rows: Mapping[str, NDArray[Any]]) -> NDArray[np.int64]:
        """The column of each row that is explained."""
        import numpy as np

        parts = [self._scores.choose(values) for values in self.run(rows)]
        return np.concatenate(parts) if parts else np.empty(0, np.int64)


def _has_scores(part: OutputPart) -> bool:
    if isinstance(part, PlainOutput):
        # A whole number is a label as a rule, and how far labels are apart says nothing.
        return part.rank == 0 and "float" in part.dtype
    return isinstance(part, ClassScores | LabelSets | ClusterScores | NamedValues)


def _name_scores(part: _Explainable) -> tuple[str, ...]:
    if isinstance(part, ClassScores | LabelSets):
        return part.labels
    if isinstance(part, ClusterScores):
        return tuple(str(number) for number in range(part.num_clusters))
    return part.names if isinstance(part, NamedValues) else (part.field,)


def _find_middle(names: tuple[str, ...]) -> int:
    return names.index("q50") if "q50" in names else 0
