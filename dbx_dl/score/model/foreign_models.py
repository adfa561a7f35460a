"""Any other ONNX file: its inputs bound to columns by name, and its outputs as fields, as the options say."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from dbx_dl.config.suggestions import suggest_name
from dbx_dl.errors import ConfigError, DataError
from dbx_dl.score.inputs.tensor_binding import TensorBinding
from dbx_dl.score.model.foreign_images import bind_image
from dbx_dl.score.model.plan import ERROR_FIELD, ScorePlan
from dbx_dl.score.outputs.class_scores import ClassChoices, ClassScores, LabelSets
from dbx_dl.score.outputs.output_parts import MapOutput, OutputPart, PlainOutput
from dbx_dl.score.outputs.sequences import SequenceOutput

if TYPE_CHECKING:
    from dbx_dl.config.score_options import ScoreOptions
    from dbx_dl.score.inputs.bound_rows import Binding
    from dbx_dl.score.model.description import FileFacts, TensorFacts

# The labels of an output of maps are known only from what comes out of it.
ListKeys = Callable[[str], tuple[str, ...]]


def plan_foreign(facts: FileFacts, options: ScoreOptions, list_keys: ListKeys) -> ScorePlan:
    """How the inputs are bound and what the outputs become; `list_keys` gives the keys of an output of maps.

    Columns have the inputs' names, unless `options.inputs` says otherwise. ConfigError when an option does not go with
    the file, DataError when an input or output is of a kind that columns cannot hold.
    """
    _require_names(options.inputs, [each.name for each in facts.inputs], "inputs")
    bindings = tuple(_bind(each, options) for each in facts.inputs if not _is_image(each, facts, options))
    if options.image is not None:
        image = next((each for each in facts.inputs if _is_image(each, facts, options)), None)
        if image is None:
            raise ConfigError(f"the model has no input for images: {'; '.join(map(str, facts.inputs))}")
        place = facts.inputs.index(image)
        bindings = (*bindings[:place], bind_image(image, options.image), *bindings[place:])
    return ScorePlan(bindings, _plan_outputs(facts, options, list_keys), frozen_rows=facts.frozen_rows)


def make_choices(options: ScoreOptions) -> ClassChoices:
    """The fields beside the label that the options ask for."""
    one = options.probability_of
    one_field = "" if one is None else f"probability_of_{make_field(one, ())}"
    return ClassChoices(options.top_k, one, one_field, options.probabilities == "map")


def make_field(name: str, taken: Iterable[str]) -> str:
    """The name of an output as that of a field: letters, digits and underscores, unlike those taken in any case."""
    lowered = {other.lower() for other in taken}
    field = re.sub(r"\W+", "_", name).strip("_") or "output"
    while field.lower() in lowered:
        field += "_"
    return field


def _bind(facts: TensorFacts, options: ScoreOptions) -> Binding:
    if not facts.is_known or not facts.has_rows or facts.map_key is not None:
        raise DataError(f"the model's input {facts} cannot be bound: it takes one row of columns for each of its rows")
    given = options.inputs.get(facts.name, facts.name)
    columns = (given,) if isinstance(given, str) else given
    if len(columns) > 1 and facts.dims not in ((len(columns),), (None,)):
        raise ConfigError(f"{len(columns)} columns do not make a row of the model's input {facts}")
    return TensorBinding(facts.name, facts.dtype, facts.dims, columns, options.missing)


def _is_image(facts: TensorFacts, file: FileFacts, options: ScoreOptions) -> bool:
    if options.image is None:
        return False
    if options.image.input is not None:
        _require_names([options.image.input], [each.name for each in file.inputs], "inputs")
        return facts.name == options.image.input
    candidates = [each for each in file.inputs if len(each.dims) == 3] or [
        each for each in file.inputs if len(each.dims) == 2
    ]
    if len(candidates) > 1:
        raise ConfigError(f"image.input must name the input for images: {'; '.join(map(str, candidates))}")
    return facts in candidates


def _plan_outputs(facts: FileFacts, options: ScoreOptions, list_keys: ListKeys) -> tuple[OutputPart, ...]:
    parts: list[OutputPart] = []
    taken = [ERROR_FIELD]
    scores = _find_scores(facts, options) if options.names_classes else None
    if scores is not None:
        parts.append(_plan_classes(scores, options, list_keys))
        taken += parts[0].fields
    for each in facts.outputs:
        if each is scores:
            continue
        field = make_field(each.name, taken)
        if options.fields and field not in options.fields and not _is_column(each):
            continue
        parts.append(_plan_output(each, field))
        taken.append(field)
    return tuple(parts)


def _plan_output(facts: TensorFacts, field: str) -> OutputPart:
    if not _is_column(facts):
        raise DataError(
            f"the model's output {facts} cannot be a column: it does not hold one value for each row; "
            "leave it out with the option `fields`, which names those to keep"
        )
    if facts.sequence is not None:
        return SequenceOutput(facts.name, field, facts.dtype, len(facts.dims), has_slices=facts.sequence == "slices")
    if facts.map_key is not None:
        return MapOutput(facts.name, field, facts.map_key, facts.dtype)
    return PlainOutput(facts.name, field, facts.dtype, 0 if facts.is_scalar else len(facts.dims))


def _is_column(facts: TensorFacts) -> bool:
    return facts.is_known and (facts.has_rows or facts.map_key is not None)


def _find_scores(facts: FileFacts, options: ScoreOptions) -> TensorFacts:
    """The output that holds a number per class."""
    if options.scores is not None:
        _require_names([options.scores], [each.name for each in facts.outputs], "outputs")
        return next(each for each in facts.outputs if each.name == options.scores)
    found = [each for each in facts.outputs if _may_be_scores(each)]
    if len(found) > 1 and options.labels:
        found = [each for each in found if each.map_key or each.dims == (len(options.labels),)]
    if len(found) != 1:
        shown = "; ".join(str(each) for each in facts.outputs)
        raise ConfigError(f"say with the option `scores` which output holds a number per class: {shown}")
    return found[0]


def _may_be_scores(facts: TensorFacts) -> bool:
    return facts.dtype.startswith("float") and len(facts.dims) <= 1 and facts.sequence is None


def _plan_classes(facts: TensorFacts, options: ScoreOptions, list_keys: ListKeys) -> OutputPart:
    if not _may_be_scores(facts):
        raise ConfigError(f"the model's output {facts} does not hold a number per class")
    labels = options.labels or _number_labels(facts, list_keys)
    is_pair = facts.is_scalar and len(labels) == 2 and facts.map_key is None
    if not is_pair and facts.map_key is None and facts.dims not in ((len(labels),), (None,)):
        raise ConfigError(f"{len(labels)} labels do not go with the model's output {facts}")
    choices = make_choices(options)
    if choices.probability_of is not None and choices.probability_of not in labels:
        raise ConfigError(f"the model has no label {choices.probability_of!r}; its labels are {', '.join(labels[:20])}")
    if options.activation == "softmax" and is_pair:
        raise ConfigError("softmax needs a number for each of the two labels: take activation sigmoid")
    return (LabelSets if options.multilabel else ClassScores)(facts.name, labels, options.activation, choices)


def _number_labels(facts: TensorFacts, list_keys: ListKeys) -> tuple[str, ...]:
    if facts.map_key is not None:
        return list_keys(facts.name)
    if facts.is_scalar:
        return ("0", "1")
    if facts.dims[0] is None:
        raise ConfigError(f"the model does not say how many classes its output {facts} has: give their `labels`")
    return tuple(str(place) for place in range(facts.dims[0]))


def _require_names(names: Iterable[str], present: list[str], what: str) -> None:
    for name in names:
        if name not in present:
            raise ConfigError(f"the model has no {what[:-1]} {name!r}; {suggest_name(name, present, what)}")
