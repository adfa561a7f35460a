"""All kinds of prediction by name; those that are plain numbers, and probabilities of labels, are told here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbx_dl.errors import ConfigError
from dbx_dl.score.outputs.box_lists import BoxKind
from dbx_dl.score.outputs.class_scores import ClassChoices, ClassScores, LabelSets
from dbx_dl.score.outputs.cluster_scores import ClusterKind
from dbx_dl.score.outputs.frame_labels import FrameKind
from dbx_dl.score.outputs.item_lists import ItemKind
from dbx_dl.score.outputs.kind import Kind, OneColumn, WithoutChoices
from dbx_dl.score.outputs.masks import MaskKind
from dbx_dl.score.outputs.output_parts import NamedValues, OutputPart, PlainOutput
from dbx_dl.score.outputs.sentences import SentenceKind
from dbx_dl.tasks import task_of

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from dbx_dl.contracts import ModelMetadata, OutputKind, Target


class ProbabilityKind(OneColumn):
    """Probabilities of classes or labels (N, C)."""

    has_size = False
    column = "probabilities"

    def plan(self, output: str, metadata: ModelMetadata, choices: ClassChoices | None) -> OutputPart:
        """Fields of classes, or of sets of labels."""
        names, one = metadata.target.label_names, None if choices is None else choices.probability_of
        if one is not None and one not in names:
            raise ConfigError(f"the model has no label {one!r}; its labels are {', '.join(names[:20])}")
        choices = choices or ClassChoices()
        if task_of(metadata.target).label_kind == "label_set":
            return LabelSets(output, names, choices=choices)
        found = metadata.threshold
        threshold = None if found is None else (found.label, found.probability)
        return ClassScores(output, names, choices=choices, threshold=threshold)

    def read(self, predictions: pa.Table, target: Target) -> NDArray[np.floating]:
        """(N, C)."""
        return _read_rows(predictions, self.column, len(target.label_names))


class NumberKind(WithoutChoices, OneColumn):
    """One number (N,)."""

    column = "value"

    def make(self, output: str, target: Target) -> OutputPart:
        """The field `value`."""
        del target
        return PlainOutput(output, self.column, "float64", 0)

    def read(self, predictions: pa.Table, target: Target) -> NDArray[np.floating]:
        """(N,)."""
        del target
        values: NDArray[np.floating] = predictions.column(self.column).to_numpy()
        return values


class NumbersKind(WithoutChoices):
    """Several numbers that have names (N, P)."""

    def make(self, output: str, target: Target) -> OutputPart:
        """A field for each name."""
        return NamedValues(output, self.list_columns(target))

    def list_columns(self, target: Target) -> tuple[str, ...]:
        """The names."""
        return task_of(target).name_values(target)

    def read(self, predictions: pa.Table, target: Target) -> NDArray[np.floating]:
        """(N, P)."""
        import numpy as np

        return np.stack([predictions.column(name).to_numpy() for name in self.list_columns(target)], axis=1)


class PixelKind(WithoutChoices, OneColumn):
    """Images that were made (N, D)."""

    has_size = True
    column = "pixels"

    def make(self, output: str, target: Target) -> OutputPart:
        """The field `pixels`."""
        del target
        return PlainOutput(output, self.column, "float32", 1)

    def read(self, predictions: pa.Table, target: Target) -> NDArray[np.floating]:
        """(N, D)."""
        return _read_rows(predictions, self.column, target.num_entries)


KINDS: dict[OutputKind, Kind] = {
    "probabilities": ProbabilityKind(),
    "value": NumberKind(),
    "values": NumbersKind(),
    "pixels": PixelKind(),
    "boxes": BoxKind(),
    "mask": MaskKind(),
    "frames": FrameKind(),
    "tokens": SentenceKind(),
    "items": ItemKind(),
    "clusters": ClusterKind(),
}


def kind_of(target: Target) -> Kind:
    """The kind of what a target's task predicts."""
    return KINDS[task_of(target).output_kind]


def _read_rows(predictions: pa.Table, column: str, width: int) -> NDArray[np.floating]:
    flat: NDArray[np.floating] = predictions.column(column).combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return flat.reshape(-1, width)
