"""The loss of masks: softmax cross-entropy of every pixel, averaged over the image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Callable

    from dbx_dl.frameworks.interface import ObjectiveRequest


def compare_masks(request: ObjectiveRequest) -> Callable[[Any, Any], Any]:
    """Losses (N,) of logits (N, H x W x (1 + C)) and masks uint8 (N, H, W); the same function as in Keras."""
    del request

    def compare(outputs_nk: Any, labels_nhw: Any) -> Any:
        labels = labels_nhw.flatten(1).long()
        logits = outputs_nk.reshape(*labels.shape, -1).transpose(1, 2)
        return functional.cross_entropy(logits, labels, reduction="none").mean(dim=1)

    return compare
