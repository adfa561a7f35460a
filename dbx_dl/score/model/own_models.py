"""Files that dbx_dl exported: their metadata, the names of their outputs, and what these make of predictions."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from dbx_dl.contracts import AudioSpec, FileSpec, ModelMetadata
from dbx_dl.errors import DataError
from dbx_dl.score.inputs.audio_binding import RecordingBinding
from dbx_dl.score.inputs.feature_binding import FeatureBinding
from dbx_dl.score.inputs.image_binding import ImageBinding
from dbx_dl.score.model.plan import ScorePlan
from dbx_dl.score.outputs.class_scores import ClassChoices
from dbx_dl.score.outputs.kinds import kind_of
from dbx_dl.score.outputs.output_parts import OutputPart, PlainOutput
from dbx_dl.tasks import list_output_kinds, task_of
from dbx_dl.transforms.tabular import input_names

if TYPE_CHECKING:
    from dbx_dl.contracts import InputSpec, OutputKind
    from dbx_dl.score.inputs.bound_rows import Binding

METADATA_KEY = "dbx_dl"
PIXELS_NAME, SAMPLES_NAME = "pixels", "samples"


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
    inputs = metadata.inputs
    taken = (name_file(inputs),) if isinstance(inputs, FileSpec) else tuple(input_names(inputs))
    names: dict[OutputKind, str] = {}
    for kind in list_output_kinds(metadata):
        name: str = kind
        while name in (*taken, *names.values()):
            name += "_"
        names[kind] = name
    return names


def name_file(spec: FileSpec) -> str:
    """The input that takes what a decoded file becomes."""
    return SAMPLES_NAME if isinstance(spec, AudioSpec) else PIXELS_NAME


def bind_own(inputs: InputSpec) -> Binding:
    """How a file's inputs are bound."""
    if isinstance(inputs, AudioSpec):
        return RecordingBinding(SAMPLES_NAME, inputs)
    return ImageBinding(PIXELS_NAME, inputs) if isinstance(inputs, FileSpec) else FeatureBinding(inputs)


def plan_own(metadata: ModelMetadata, choices: ClassChoices | None = None) -> ScorePlan:
    """How a file's inputs are bound, and its task's fields.

    Classes: label, probability, probabilities. Multilabel: labels (from 0.5 on), probabilities. Numbers: value, or a
    field for each that the task names, in the label's own unit. Boxes: boxes. Masks: mask, areas. With
    embeddings a further field `embedding`.
    ConfigError when the choices need classes that the model has not.
    """
    binding, names = bind_own(metadata.inputs), name_outputs(metadata)
    output = names[task_of(metadata.target).output_kind]
    parts: list[OutputPart] = [kind_of(metadata.target).plan(output, metadata, choices)]
    if "embedding" in names:
        parts.append(PlainOutput(names["embedding"], "embedding", "float32", 1))
    return ScorePlan((binding,), tuple(parts))
