"""Losses of an item among all, the same functions as in Keras but for the items that are drawn."""

from __future__ import annotations

from collections.abc import Callable
from math import log
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional

if TYPE_CHECKING:
    from dbx_dl.frameworks.interface import ObjectiveRequest

Loss = Callable[[Any, Any], Any]


def compare_items(request: ObjectiveRequest) -> Loss:
    """Softmax cross-entropy over all items, or one of `DRAWN_LOSSES` of the row's item and others that are drawn."""
    if request.loss is None:
        return lambda logits_ni, labels_n: functional.cross_entropy(logits_ni, labels_n, reduction="none")
    penalize, number = DRAWN_LOSSES[request.loss], request.negatives

    def compare(logits_ni: Any, labels_n: Any) -> Any:
        num_items = logits_ni.shape[1]
        own_n1 = labels_n[:, None]
        # Any item but the row's own, each as likely; from the process' generator, whose state checkpoints keep.
        steps = torch.randint(1, num_items, (len(labels_n), number), device=labels_n.device)
        others_nm = logits_ni.gather(1, (own_n1 + steps) % num_items)
        return penalize(logits_ni.gather(1, own_n1), others_nm, num_items - 1)

    return compare


def _compare_softmax(own_n1: Any, others_nm: Any, num_others: int) -> Any:
    shifted = others_nm + log(num_others / others_nm.shape[1])
    return torch.cat([own_n1, shifted], dim=1).logsumexp(dim=1) - own_n1[:, 0]


# Of the logit of a row's item (N, 1) and those of M others that were drawn of so many: sampled_softmax is softmax
# cross-entropy in which each drawn item stands for as many as it was drawn of (Bengio and Senécal 2008), bpr Bayesian
# personalised ranking, the logistic loss of the differences (Rendle et al. 2009).
DRAWN_LOSSES: dict[str, Callable[[Any, Any, int], Any]] = {
    "sampled_softmax": _compare_softmax,
    "bpr": lambda own_n1, others_nm, _: functional.softplus(others_nm - own_n1).mean(dim=1),
}
