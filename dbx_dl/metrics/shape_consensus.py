"""One set of boxes or polygons of what several people drew around the same objects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def group_shapes(
    overlaps_ss: Floats, owners: Sequence[int], labels: Sequence[str], min_overlap: float
) -> list[list[int]]:
    """S shapes of several people as groups of those that go together, of each person one at most.

    Two go together that have one label and overlap by `min_overlap` (intersection over union) or more. The pairs that
    overlap most are joined first, as two people's shapes are matched by `match_overlaps`; a pair whose groups both
    have a shape of one person is not. Groups are in the order of their first shapes.
    """
    pairs = [
        (-overlaps_ss[first, second], first, second)
        for first, second in np.argwhere(np.triu(overlaps_ss >= min_overlap, 1)).tolist()
        if owners[first] != owners[second] and labels[first] == labels[second]
    ]
    groups = [[place] for place in range(len(owners))]
    for _, first, second in sorted(pairs):
        one, other = groups[first], groups[second]
        if one is other or {owners[place] for place in one} & {owners[place] for place in other}:
            continue
        joined = sorted([*one, *other])
        for place in joined:
            groups[place] = joined
    return [group for place, group in enumerate(groups) if group[0] == place]


def join_boxes(boxes_g4: NDArray[Any]) -> Floats:
    """One box x, y, width, height of a group of such: each side is where the median of the group's sides is."""
    lows, highs = boxes_g4[:, :2], boxes_g4[:, :2] + boxes_g4[:, 2:]
    corner = np.median(lows, axis=0)
    return np.concatenate([corner, np.median(highs, axis=0) - corner])


def find_middle(overlaps_gg: Floats) -> int:
    """Which shape of a group overlaps the others most, the first of several such."""
    return int(np.asarray(overlaps_gg).sum(axis=1).argmax())
