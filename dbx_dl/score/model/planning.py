"""From a loaded file and the options to its plan."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dbx_dl.config.score_options import ScoreOptions
from dbx_dl.errors import ConfigError
from dbx_dl.score.model.description import FileFacts, TensorFacts
from dbx_dl.score.model.foreign_models import make_choices, plan_foreign
from dbx_dl.score.model.own_models import plan_own
from dbx_dl.score.model.plan import ScorePlan
from dbx_dl.score.model.sequence_kinds import settle_sequences

if TYPE_CHECKING:
    import numpy as np

    from dbx_dl.score.model.session import ModelSession

_FOREIGN_ONLY = ("image", "missing", "scores", "labels", "activation", "multilabel")


def plan_model(session: ModelSession, options: ScoreOptions) -> ScorePlan:
    """How the file's columns are bound and what comes out, as the options say.

    ConfigError when an option does not go with the file, DataError when columns cannot hold an input or output.
    """
    plan = _plan_own(session, options) if session.is_own else _plan_foreign(session, options)
    plan = replace(plan, batch_rows=options.batch_rows, batch_bytes=options.batch_bytes)
    return plan.keep_fields(options.fields) if options.fields else plan


def _plan_own(session: ModelSession, options: ScoreOptions) -> ScorePlan:
    defaults = ScoreOptions()
    refused = [name for name in _FOREIGN_ONLY if getattr(options, name) != getattr(defaults, name)]
    if refused:
        raise ConfigError(f"{refused[0]} is for files of others: a model of dbx_dl says itself what it takes and gives")
    return plan_own(session.metadata, make_choices(options) if options.names_classes else None)


def _plan_foreign(session: ModelSession, options: ScoreOptions) -> ScorePlan:
    found: dict[str, Any] | None = None

    def list_keys(output: str) -> tuple[str, ...]:
        values = found if found is not None else probe_outputs(session)
        if not values:
            raise ConfigError(f"the labels of the model's output {output!r} are not known: give `labels`")
        return tuple(str(key) for key in values[output][0])

    facts = session.facts
    if not all(each.has_rows or each.map_key for each in facts.outputs):
        found = probe_outputs(session)
        facts = FileFacts(facts.inputs, tuple(_settle(each, found) for each in facts.outputs))
    if any(each.sequence for each in facts.outputs):
        facts = FileFacts(facts.inputs, tuple(settle_sequences(facts.outputs, _probe_sizes(session, found))))
    return plan_foreign(facts, options, list_keys)


def _probe_sizes(session: ModelSession, found: dict[str, Any] | None) -> dict[int, dict[str, Any] | None]:
    """What came out by number of rows: of two numbers, unless the file fixes one."""
    frozen = session.facts.frozen_rows
    return {frozen: found} if frozen else {2: found, 3: probe_outputs(session, 3)}


def probe_outputs(session: ModelSession, num_rows: int = 2) -> dict[str, Any] | None:
    """The outputs by name for so many rows of zeros and empty texts; None when the model refuses them."""
    rows = session.facts.frozen_rows or num_rows
    names = [each.name for each in session.facts.outputs]
    try:
        return dict(
            zip(names, session.run(names, {f.name: _zeros(f, rows) for f in session.facts.inputs}), strict=True)
        )
    except Exception:  # what a model makes of rows that nobody meant says nothing
        return None


def _zeros(facts: TensorFacts, rows: int) -> np.ndarray:
    import numpy as np

    shape = (rows, *(dim or 1 for dim in facts.dims))
    return np.full(shape, "", object) if facts.dtype == "string" else np.zeros(shape, facts.dtype)


def _settle(facts: TensorFacts, found: dict[str, Any] | None) -> TensorFacts:
    """The facts of an output with the dimensions that it turned out to have."""
    import numpy as np

    values = None if found is None else found[facts.name]
    if facts.has_rows or not isinstance(values, np.ndarray) or not values.ndim:
        return facts
    return replace(facts, dims=(None,) * (values.ndim - 1), has_rows=True)
