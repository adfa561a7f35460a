"""The loss of boxes: each cell says whether there is an object, the one with its middle where and what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional

from dbx_dl.frameworks.box_weights import EMPTY_WEIGHT, PLACE_WEIGHT

if TYPE_CHECKING:
    from collections.abc import Callable

    from dbx_dl.frameworks.interface import ObjectiveRequest


def compare_boxes(request: ObjectiveRequest) -> Callable[[Any, Any], Any]:
    """See `frameworks.box_weights`; the same function as in Keras."""
    rows, columns = request.grid or (1, 1)

    def compare(outputs_nk: Any, labels_nm5: Any) -> Any:
        cells = outputs_nk.reshape(len(outputs_nk), rows * columns, -1)
        is_box = (labels_nm5[..., 3:] > 0).all(dim=2).float()
        places = (labels_nm5[..., 1:3] + labels_nm5[..., 3:] / 2) * outputs_nk.new_tensor([columns, rows])
        last = outputs_nk.new_tensor([columns - 1, rows - 1])
        corners = torch.minimum(places.floor(), last)
        numbers = (corners[..., 1] * columns + corners[..., 0]).long()
        mine = cells.gather(1, numbers[..., None].expand(-1, -1, cells.shape[2]))
        middles = (torch.sigmoid(mine[..., 1:3]) - (places - corners)).square().sum(dim=2)
        sizes = (torch.sigmoid(mine[..., 3:5]).sqrt() - labels_nm5[..., 3:].sqrt()).square().sum(dim=2)
        kinds = functional.cross_entropy(mine[..., 5:].transpose(1, 2), labels_nm5[..., 0].long(), reduction="none")
        found = ((PLACE_WEIGHT * (middles + sizes) + kinds) * is_box).sum(dim=1)
        is_full = (functional.one_hot(numbers, rows * columns) * is_box[..., None]).amax(dim=1)
        weights = is_full + EMPTY_WEIGHT * (1 - is_full)
        there = functional.binary_cross_entropy_with_logits(cells[..., 0], is_full, reduction="none")
        return found + (there * weights).sum(dim=1)

    return compare
