"""Texts explained token by token, and series of numbers step by step, by leaving each one out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from dbx_dl.contracts import StepsSpec, find_text
from dbx_dl.errors import ConfigError
from dbx_dl.explain.explained import ExplainedRows
from dbx_dl.explain.methods.leave_out import leave_out_steps, leave_out_tokens
from dbx_dl.explain.methods.rows import take_rows
from dbx_dl.transforms.encoder.steps import length_input
from dbx_dl.transforms.text import TextSplitter, group_by_length

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from dbx_dl.contracts import InputSpec, TextFeature
    from dbx_dl.explain.local.opened import OpenedModel

_WHOLE = "inseparable: the text's tokens cannot be put together again without one of them"


def require_parts(inputs: InputSpec | None) -> None:
    """ConfigError unless the model takes a text, or numbers by step, and says how it cuts them."""
    if inputs is None:
        raise ConfigError(
            "leave_out is for texts and series of models of dbx_dl, which say how they cut them: use shapley"
        )
    if not isinstance(inputs, StepsSpec) and find_text(inputs) is None:
        taken = ", ".join(inputs.columns)
        raise ConfigError(
            f"leave_out is for texts and series of numbers, this model takes {taken}: use occlusion for images, "
            "shapley for columns"
        )


def explain_parts(opened: OpenedModel, batch: pa.RecordBatch, rows: Mapping[str, NDArray[Any]]) -> ExplainedRows:
    """Contributions of the tokens that the model sees, or of the numbers of each step."""
    del batch
    require_parts(opened.inputs)
    places = opened.scorer.choose(rows)
    scores = opened.scorer(rows)[range(len(places)), places]
    problems: dict[int, str] = {}
    contributions: list[dict[str, float]] = []
    for row, place in enumerate(places.tolist()):
        found = _explain(opened, take_rows(rows, slice(row, row + 1)), place)
        contributions.append(found or {})
        if found is None:
            problems[row] = _WHOLE
    return ExplainedRows(opened.name(places), scores, contributions=contributions, problems=problems)


def _explain(opened: OpenedModel, row: Mapping[str, NDArray[Any]], place: int) -> dict[str, float] | None:
    spec = opened.inputs
    if isinstance(spec, StepsSpec):
        num_steps = min(int(row[length_input(spec)][0]), spec.max_steps)
        cells, drops = leave_out_steps(row, spec.columns, num_steps, place, opened.scorer)
        return {name_step(column, step): drop for (column, step), drop in zip(cells, drops.tolist(), strict=True)}
    text = None if spec is None else find_text(spec)
    assert text is not None
    (tokens,) = cut_texts(text, list(row[text.column]))
    tokens = tokens[: text.max_length]
    drops_t = leave_out_tokens(row, text.column, tokens, place, opened.scorer, lambda texts: cut_texts(text, texts))
    return None if drops_t is None else dict(zip(name_tokens(tokens), drops_t.tolist(), strict=True))


def cut_texts(text: TextFeature, texts: Sequence[str]) -> list[list[str]]:
    """The tokens of each text, as the model cuts them."""
    import numpy as np

    array = np.array(texts, object)
    cut: list[list[str]] = [[] for _ in texts]
    # They come in the order of groups of about one length.
    places = (place for group in group_by_length(array) for place in group.tolist())
    for place, tokens in zip(places, _open_splitter(text.pattern, text.lowercase).split(array), strict=True):
        cut[place] = tokens
    return cut


@cache
def _open_splitter(pattern: str, lowercase: bool) -> TextSplitter:
    return TextSplitter(pattern, lowercase=lowercase)


def name_tokens(tokens: Sequence[str]) -> list[str]:
    """Names of tokens: themselves, and where one comes again its number, as `good (2)`."""
    counts: dict[str, int] = {}
    names = []
    for token in tokens:
        counts[token] = counts.get(token, 0) + 1
        names.append(token if counts[token] == 1 else f"{token} ({counts[token]})")
    return names


def name_step(column: str, step: int) -> str:
    """Name of a number of a series, steps from 0 on."""
    return f"{column}[{step}]"
