"""Rows as a model takes them, what predicts them, and the features that a method takes away or puts in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
# Arrays of N rows by the name of a model's input.
Rows = Mapping[str, NDArray[Any]]
# From rows to float64 (N, K): the numbers that a model gives for each of them.
Predict = Callable[[Rows], Floats]


@dataclass(frozen=True)
class Player:
    """A feature that is in a row or replaced: some inputs as a whole, or one entry `place` of an input (N, k)."""

    name: str
    inputs: tuple[str, ...]
    place: int | None = None


def count_rows(rows: Rows) -> int:
    """How many rows the arrays have."""
    return len(next(iter(rows.values())))


def take_rows(rows: Rows, places: NDArray[Any] | slice) -> dict[str, NDArray[Any]]:
    """Some of the rows, also several times."""
    return {name: array[places] for name, array in rows.items()}


def replace_feature(rows: Rows, player: Player, values: Rows) -> dict[str, NDArray[Any]]:
    """The rows with one feature of other `values`, row by row; the given arrays stay as they are."""
    changed = dict(rows)
    for name in player.inputs:
        if player.place is None:
            changed[name] = values[name]
        else:
            changed[name] = rows[name].copy()
            changed[name][:, player.place] = values[name][:, player.place]
    return changed


def mix_rows(row: Rows, others: Rows, players: Sequence[Player], is_in_rp: NDArray[np.bool_]) -> dict[str, Any]:
    """R rows made of one `row` and R `others`: a feature is the row's where `is_in_rp` (R, P) says so.

    Inputs that belong to no player are the row's.
    """
    num_rows = len(is_in_rp)
    mixed = {name: np.repeat(array[:1], num_rows, axis=0) for name, array in row.items()}
    for number, player in enumerate(players):
        is_out = ~is_in_rp[:, number]
        for name in player.inputs:
            if player.place is None:
                mixed[name][is_out] = others[name][is_out]
            else:
                mixed[name][is_out, player.place] = others[name][is_out, player.place]
    return mixed
