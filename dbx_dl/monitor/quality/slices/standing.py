"""Which slices say something of their own: how sure it is, and which of those within each other are told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbx_dl.metrics.welch import effect_size, welch_p_value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dbx_dl.config import QualityConfig, SlicesConfig
    from dbx_dl.monitor.quality.slices.candidates import Candidate


def find_p_values(candidates: Sequence[Candidate]) -> list[float | None]:
    """Of each slice the chance of errors so much above those elsewhere; of a pair also above those of its parts.

    A pair has the largest of these (an intersection-union test: Berger and Hsu 1996), so that it says more than that
    one of its columns does.
    """
    wholes = _find_wholes(candidates)
    found: list[float | None] = []
    for candidate in candidates:
        others = (whole.inside.without(candidate.inside) for whole in wholes[candidate])
        p_values = [welch_p_value(candidate.inside, rest) for rest in (candidate.rest, *others)]
        # Where a part has hardly other rows than the pair, the part alone is told.
        found.append(None if None in p_values else max(p for p in p_values if p is not None))
    return found


def _find_wholes(candidates: Sequence[Candidate]) -> dict[Candidate, list[Candidate]]:
    """Of each pair the single slices among the candidates that it is in; none of a single slice."""
    singles = {(found.window, *found.parts): found for found in candidates if len(found.parts) == 1}
    return {
        found: [singles[place] for part in found.parts if (place := (found.window, part)) in singles]
        if len(found.parts) > 1
        else []
        for found in candidates
    }


def keep_standing(found: Sequence[Candidate], config: QualityConfig, slices: SlicesConfig) -> list[Candidate]:
    """Without slices that err more only by a pair in them which was found too, then without pairs in other slices."""

    def is_explained(whole: Candidate, pair: Candidate) -> bool:
        others = whole.inside.without(pair.inside)
        p_value = welch_p_value(others, whole.rest)
        is_worse = p_value is not None and p_value <= config.false_alarms
        return not is_worse or effect_size(others, whole.rest) < slices.min_effect

    wholes = _find_wholes(found)
    explained = {whole for pair in found for whole in wholes[pair] if is_explained(whole, pair)}
    return [one for one in found if one not in explained and all(whole in explained for whole in wholes[one])]
