"""Files that dbx_dl exported: their metadata, the names of their outputs, and what these make of predictions."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from dbx_dl.contracts import ImageSpec, ModelMetadata
from dbx_dl.errors import ConfigError, DataError
from dbx_dl.score.inputs.feature_binding import FeatureBinding
from dbx_dl.score.inputs.image_binding import ImageBinding
from dbx_dl.score.model.plan import ScorePlan
from dbx_dl.score.outputs.box_lists import BoxLists
from dbx_dl.score.outputs.class_scores import ClassChoices, ClassScores, LabelSets
from dbx_dl.score.outputs.frame_labels import FrameLabels
from dbx_dl.score.outputs.masks import MaskImages
from dbx_dl.score.outputs.output_parts import NamedValues, OutputPart, PlainOutput
from dbx_dl.tasks import list_output_kinds, task_of
from dbx_dl.transforms.tabular import input_names

if TYPE_CHECKING:
    from dbx_dl.contracts import OutputKind

METADATA_KEY = "dbx_dl"
PIXELS_NAME = "pixels"


def read_metadata(properties: Mapping[str, str], path: str | os.PathLike[str]) -> ModelMetadata | None:
    """What a file of dbx_dl says of itself, None for a file of others; DataError for another version's."""
    from pydantic import ValidationError

    if METADATA_KEY not in properties:
        return None
    try:
        return ModelMetadata.model_validate_json(properties[METADATA_KEY])
    except ValidationError as error:
        raise DataError(
            f"{path} has {METADATA_KEY!r} metadata of another version of dbx_dl ({str(error).splitlines()[0]}): "
            "export the model again"
        ) from None


def name_outputs(metadata: ModelMetadata) -> dict[OutputKind, str]:
    """Names of a file's outputs by kind: the kind itself, with underscores where an input has that name."""
    taken = (PIXELS_NAME,) if isinstance(metadata.inputs, ImageSpec) else tuple(input_names(metadata.inputs))
    names: dict[OutputKind, str] = {}
    for kind in list_output_kinds(metadata):
        name: str = kind
        while name in (*taken, *names.values()):
            name += "_"
        names[kind] = name
    return names


def plan_own(metadata: ModelMetadata, choices: ClassChoices | None = None) -> ScorePlan:
    """How a file's inputs are bound, and its task's fields.

    Classes: label, probability, probabilities. Multilabel: labels (from 0.5 on), probabilities. Numbers: value, or a
    field for each that the task names, in the label's own unit. Boxes: boxes. Masks: mask, areas. With
    embeddings a further field `embedding`.
    ConfigError when the choices need classes that the model has not.
    """
    inputs, names = metadata.inputs, name_outputs(metadata)
    binding = ImageBinding(PIXELS_NAME, inputs) if isinstance(inputs, ImageSpec) else FeatureBinding(inputs)
    parts: list[OutputPart] = [_plan_prediction(metadata, names, choices)]
    if "embedding" in names:
        parts.append(PlainOutput(names["embedding"], "embedding", "float32", 1))
    return ScorePlan((binding,), tuple(parts))


def _plan_prediction(
    metadata: ModelMetadata, names: Mapping[OutputKind, str], choices: ClassChoices | None
) -> OutputPart:
    target, task = metadata.target, task_of(metadata.target)
    if task.output_kind != "probabilities":
        if choices is not None:
            known = {"boxes": "boxes", "mask": "masks", "frames": "steps, not rows"}
            what = known.get(task.output_kind, "numbers")
            raise ConfigError(f"the model predicts {what}: there are no labels for top_k, probability_of or maps")
        if task.output_kind == "frames":
            return FrameLabels(names["frames"], target.label_names)
        if task.output_kind == "pixels":
            return PlainOutput(names["pixels"], "pixels", "float32", 1)
        if task.output_kind == "boxes":
            return BoxLists(names["boxes"], target.label_names)
        if task.output_kind == "mask":
            return MaskImages(names["mask"], target.label_names)
        if task.output_kind == "values":
            return NamedValues(names["values"], task.name_values(target))
        return PlainOutput(names["value"], "value", "float64", 0)
    one = None if choices is None else choices.probability_of
    if one is not None and one not in target.label_names:
        raise ConfigError(f"the model has no label {one!r}; its labels are {', '.join(target.label_names[:20])}")
    choices, output = choices or ClassChoices(), names["probabilities"]
    if task.label_kind == "label_set":
        return LabelSets(output, target.label_names, choices=choices)
    found = metadata.threshold
    threshold = None if found is None else (found.label, found.probability)
    return ClassScores(output, target.label_names, choices=choices, threshold=threshold)
