"""Numbers per class or label become labels, probabilities, the best few, and maps by label."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from dbx_dl.score.inputs.arrow_lists import as_even_lists, as_lists, as_maps, as_structs, to_nested_lists
from dbx_dl.tasks.label_sets import LABEL_THRESHOLD

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

Activation = Literal["none", "softmax", "sigmoid"]


@dataclass(frozen=True)
class ClassChoices:
    """Which fields there are beside the label: the k best, the probability of one label, and maps for arrays.

    `one_field` names the field of `probability_of`.
    """

    top_k: int | None = None
    probability_of: str | None = None
    one_field: str = ""
    as_map: bool = False

    def list_fields(self) -> dict[str, str]:
        """The fields, in order."""
        fields = {"probabilities": "map<string,float>" if self.as_map else "array<float>"}
        if self.top_k is not None:
            fields["top_k"] = "array<struct<label:string,probability:float>>"
        if self.probability_of is not None:
            fields[self.one_field] = "double"
        return fields


@dataclass(frozen=True)
class _ScoresByLabel:
    """An output of one number per label, and what is made of it."""

    output: str
    labels: tuple[str, ...]
    activation: Activation = "none"
    choices: ClassChoices = ClassChoices()

    def no_rows(self) -> np.ndarray:
        """Scores without rows."""
        import numpy as np

        return np.empty((0, len(self.labels)), np.float32)


@dataclass(frozen=True)
class ClassScores(_ScoresByLabel):
    """An output of one number per class; a row has one label.

    Fields: label string (of the largest, unless there is a `threshold`: a label and the probability from which on a row
    has it, whatever the others'), probability double, probabilities array<float>, and those of `choices`. With
    two labels, (N,) and (N, 1) hold the second's. A sequence of maps is taken by its keys, which are the labels.
    """

    threshold: tuple[str, float] | None = None

    @property
    def fields(self) -> dict[str, str]:
        """Name and SQL type of every field, in order."""
        return {"label": "string", "probability": "double", **self.choices.list_fields()}

    def build(self, values: Any, wanted: Collection[str]) -> dict[str, pa.Array]:
        """The wanted fields of rows (N, C), (N, 1) or (N,), or of N maps."""
        import numpy as np
        import pyarrow as pa

        probabilities_nc = to_probabilities(values, self.labels, self.activation)
        arrays = build_choices(probabilities_nc, self.labels, self.choices, wanted)
        if "label" in wanted or "probability" in wanted:
            best = self._choose(probabilities_nc) if len(probabilities_nc) else np.empty(0, np.int64)
            arrays["label"] = pa.array(self.labels, pa.string()).take(pa.array(best))
            arrays["probability"] = pa.array(probabilities_nc[np.arange(len(best)), best].astype(np.float64))
        return arrays

    def _choose(self, probabilities_nc: np.ndarray) -> np.ndarray:
        """The class of every row, int64 (N,)."""
        import numpy as np

        if self.threshold is None:
            return np.asarray(probabilities_nc.argmax(axis=1))
        label, least = self.threshold
        place = self.labels.index(label)
        others = np.where(np.arange(len(self.labels)) == place, -np.inf, probabilities_nc).argmax(axis=1)
        return np.where(probabilities_nc[:, place] >= least, place, others)


class LabelSets(_ScoresByLabel):
    """An output of one probability per label; a row has those labels whose probability is one half or more."""

    @property
    def fields(self) -> dict[str, str]:
        """Name and SQL type of every field, in order."""
        return {"labels": "array<string>", **self.choices.list_fields()}

    def build(self, values: Any, wanted: Collection[str]) -> dict[str, pa.Array]:
        """The wanted fields of rows (N, L)."""
        import numpy as np
        import pyarrow as pa

        probabilities_nl = to_probabilities(values, self.labels, self.activation)
        arrays = build_choices(probabilities_nl, self.labels, self.choices, wanted)
        has_label_nl = probabilities_nl >= LABEL_THRESHOLD
        chosen = pa.array(self.labels, pa.string()).take(pa.array(np.nonzero(has_label_nl)[1]))
        offsets = np.concatenate([[0], np.cumsum(has_label_nl.sum(axis=1))])
        return arrays | {"labels": as_lists(chosen, offsets)}


def to_probabilities(values: Any, labels: tuple[str, ...], activation: Activation) -> np.ndarray:
    """Probabilities (N, C) of what an output holds, float32 where it holds float16."""
    import numpy as np

    from dbx_dl.metrics.activations import sigmoid, softmax

    if isinstance(values, list):
        values = _take_by_key(values, labels)
    scores = values.astype(np.float32) if values.dtype.name == "float16" else values
    if scores.ndim == 1:
        scores = scores[:, None]
    if activation == "softmax":
        return np.asarray(softmax(scores))
    if activation == "sigmoid":
        scores = np.asarray(sigmoid(scores))
    if scores.shape[1] == 1 and len(labels) == 2:
        return np.concatenate([1 - scores, scores], axis=1)
    return np.asarray(scores)


def build_choices(
    probabilities_nc: np.ndarray, labels: tuple[str, ...], choices: ClassChoices, wanted: Collection[str]
) -> dict[str, pa.Array]:
    """The wanted fields of `choices.list_fields`."""
    import numpy as np
    import pyarrow as pa

    arrays: dict[str, pa.Array] = {}
    num_rows = len(probabilities_nc)
    floats_nc = probabilities_nc.astype(np.float32, copy=False)
    if "probabilities" in wanted:
        arrays["probabilities"] = _to_maps(floats_nc, labels) if choices.as_map else to_nested_lists(floats_nc)
    if "top_k" in wanted and choices.top_k is not None:
        size = min(choices.top_k, len(labels))
        best = np.argsort(-probabilities_nc, axis=1, kind="stable")[:, :size]
        names = pa.array(labels, pa.string()).take(pa.array(best.reshape(-1)))
        numbers = pa.array(np.take_along_axis(floats_nc, best, axis=1).reshape(-1))
        arrays["top_k"] = as_even_lists(as_structs({"label": names, "probability": numbers}), num_rows, size)
    if choices.probability_of is not None and choices.one_field in wanted:
        place = labels.index(choices.probability_of)
        arrays[choices.one_field] = pa.array(probabilities_nc[:, place].astype(np.float64))
    return arrays


def _take_by_key(rows: Sequence[Mapping[Any, float]], labels: tuple[str, ...]) -> np.ndarray:
    import numpy as np

    found = [{str(key): number for key, number in row.items()} for row in rows]
    return np.array([[row.get(label, np.nan) for label in labels] for row in found], np.float32).reshape(
        -1, len(labels)
    )


def _to_maps(floats_nc: np.ndarray, labels: tuple[str, ...]) -> pa.Array:
    import numpy as np
    import pyarrow as pa

    num_rows, size = floats_nc.shape
    keys = pa.array(labels, pa.string()).take(pa.array(np.tile(np.arange(size), num_rows)))
    return as_maps(keys, pa.array(floats_nc.reshape(-1)), np.arange(num_rows + 1, dtype=np.int64) * size)
