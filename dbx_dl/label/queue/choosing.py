"""The choice of a budget of items among candidates: by how unsure the model is, by how unlike they are, or by both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dbx_dl.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dbx_dl.config.label import QueueConfig

    Floats = NDArray[np.float64]

# Distances are worked out for so many centres at a time.
_BLOCK = 256


@dataclass(frozen=True)
class Candidates:
    """N items, the most worthy first: how unsure the model is of each, and where it is (N, K), where that is asked."""

    uncertainties_n: Floats
    places_nk: Floats | None = None


def choose_candidates(candidates: Candidates, centres_mk: Floats | None, config: QueueConfig) -> NDArray[np.int64]:
    """The positions of the chosen ones, the most worthy first; `centres_mk`: where labelled items are.

    DataError where these have arrays of another length than the candidates.
    """
    num = len(candidates.uncertainties_n)
    if num == 0 or not config.is_spread or candidates.places_nk is None:
        return np.arange(min(num, config.budget))
    if centres_mk is not None and not len(centres_mk):
        centres_mk = None
    _require_one_length(candidates.places_nk, centres_mk)
    pool = min(num, config.mix_factor * config.budget) if config.strategy == "mix" else num
    return spread_out(candidates.places_nk[:pool], centres_mk, config.budget)


def _require_one_length(places_nk: Floats, centres_mk: Floats | None) -> None:
    num_here = places_nk.shape[1]
    if centres_mk is not None and centres_mk.shape[1] != num_here:
        raise DataError(
            f"items without a label have arrays of {num_here} numbers, labelled ones of {centres_mk.shape[1]}: they "
            "cannot be compared; score all of them with one model"
        )


def spread_out(places_nk: Floats, centres_mk: Floats | None, budget: int) -> NDArray[np.int64]:
    """Positions, in the order of choice: each is the farthest from all centres and from what was chosen before.

    The greedy k-centre choice of Sener and Savarese 2018, "Active Learning for Convolutional Neural Networks: A
    Core-Set Approach". Of equally far ones the first is taken; without centres the first of all is the first choice. It
    takes budget x N x K steps and memory for N x K numbers.
    """
    num = len(places_nk)
    squares = (places_nk**2).sum(axis=1)
    distances = np.full(num, np.inf)
    for start in range(0, 0 if centres_mk is None else len(centres_mk), _BLOCK):
        block = centres_mk[start : start + _BLOCK]  # type: ignore[index]
        distances = np.minimum(distances, _square_distances(places_nk, squares, block).min(axis=1))
    chosen: list[int] = []
    for _ in range(min(budget, num)):
        nearest = int(distances.argmax())
        chosen.append(nearest)
        distances = np.minimum(distances, _square_distances(places_nk, squares, places_nk[[nearest]])[:, 0])
        distances[nearest] = -1
    return np.array(chosen, np.int64)


def _square_distances(places_nk: Floats, squares_n: Floats, centres_bk: Floats) -> Floats:
    cross = places_nk @ centres_bk.T
    return np.asarray(np.clip(squares_n[:, None] - 2 * cross + (centres_bk**2).sum(axis=1), 0, None))
