"""Which features a model's inputs have that can be taken away one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbx_dl.contracts import HistorySpec, StepsSpec
from dbx_dl.errors import ConfigError
from dbx_dl.explain.methods.rows import Player
from dbx_dl.score.inputs.feature_binding import FeatureBinding
from dbx_dl.score.inputs.tensor_binding import TensorBinding
from dbx_dl.transforms.encoder.timestamps import null_input

if TYPE_CHECKING:
    from dbx_dl.score.inputs.bound_rows import Binding
    from dbx_dl.score.model.plan import ScorePlan


def list_players(plan: ScorePlan, what: str) -> tuple[Player, ...]:
    """The columns of a model, of whatever origin; ConfigError for a model of files, series or histories.

    `what` says in the message what needs columns. Of an input (N, k) every entry is a feature.
    """
    return tuple(player for binding in plan.bindings for player in _list_of(binding, what))


def _list_of(binding: Binding, what: str) -> list[Player]:
    if isinstance(binding, FeatureBinding) and not isinstance(binding.spec, StepsSpec | HistorySpec):
        return [
            Player(f.column, (f.column, null_input(f.column)) if f.kind == "datetime" else (f.column,))
            for f in binding.spec.features
        ]
    if isinstance(binding, TensorBinding) and binding.dims in ((), (1,)):
        return [Player(binding.columns[0], (binding.input,))]
    if isinstance(binding, TensorBinding) and len(binding.dims) == 1 and binding.dims[0] is not None:
        names = binding.columns if len(binding.columns) > 1 else _number(binding.columns[0], binding.dims[0])
        return [Player(name, (binding.input,), place) for place, name in enumerate(names)]
    taken = ", ".join(binding.columns)
    raise ConfigError(
        f"{what} is for models of columns with one value each, this one takes {taken}: use occlusion for images, "
        "leave_out for texts and series of numbers"
    )


def _number(name: str, size: int) -> tuple[str, ...]:
    return tuple(f"{name}[{place}]" for place in range(size))
