"""Each task's loss of one row, the same function as in Keras."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from torch.nn import functional

from dbx_dl.frameworks.torch.losses.boxes import compare_boxes
from dbx_dl.frameworks.torch.losses.estimation import compare_normal, compare_overdispersed, compare_quantiles
from dbx_dl.frameworks.torch.losses.items import compare_items
from dbx_dl.frameworks.torch.losses.pixels import compare_masks
from dbx_dl.tasks.frames import NO_LABEL

if TYPE_CHECKING:
    from dbx_dl.frameworks.interface import ObjectiveRequest

Loss = Callable[[Any, Any], Any]


def create_loss(request: ObjectiveRequest) -> Loss:
    """What gives the losses (N,) of outputs float32 (N, num_outputs) and a batch's labels."""
    return LOSSES[request.task](request)


def _compare_classes(request: ObjectiveRequest) -> Loss:
    if request.loss is not None:
        return _compare_margins(MARGIN_LOSSES[request.loss])
    smoothing = request.label_smoothing
    return lambda logits_nc, labels_n: functional.cross_entropy(
        logits_nc, labels_n, reduction="none", label_smoothing=smoothing
    )


def _compare_margins(penalize: Callable[[Any], Any]) -> Loss:
    def compare(logits_nc: Any, labels_n: Any) -> Any:
        sides = 2 * functional.one_hot(labels_n, logits_nc.shape[1]) - 1
        return penalize(sides * logits_nc).mean(dim=1)

    return compare


# Of (side * logit), where the side is 1 for the row's class and -1 for the others.
MARGIN_LOSSES: dict[str, Callable[[Any], Any]] = {
    "hinge": lambda margins: functional.relu(1 - margins),
    "squared_hinge": lambda margins: functional.relu(1 - margins).square(),
    "perceptron": lambda margins: functional.relu(-margins),
    "squared_error": lambda margins: (1 - margins).square(),
}


def _compare_label_sets(request: ObjectiveRequest) -> Loss:
    smoothing = request.label_smoothing

    def compare(logits_nl: Any, labels_nl: Any) -> Any:
        targets = labels_nl * (1 - smoothing) + 0.5 * smoothing
        return functional.binary_cross_entropy_with_logits(logits_nl, targets, reduction="none").mean(dim=1)

    return compare


def _compare_frames(request: ObjectiveRequest) -> Loss:
    smoothing, num_frames = request.label_smoothing, request.num_frames

    def compare(logits: Any, labels_nt: Any) -> Any:
        logits_mc = logits.reshape(labels_nt.numel(), -1)
        losses = functional.cross_entropy(
            logits_mc, labels_nt.reshape(-1), reduction="none", ignore_index=NO_LABEL, label_smoothing=smoothing
        )
        num_steps = (labels_nt != NO_LABEL).sum(dim=1).clamp(min=1)
        return losses.reshape(-1, num_frames).sum(dim=1) / num_steps

    return compare


def _compare_numbers(request: ObjectiveRequest) -> Loss:
    distances: dict[str | None, Any] = {
        None: functional.mse_loss,
        "huber": functional.huber_loss,
        "mae": functional.l1_loss,
    }
    distance = distances[request.loss]
    center, scale = request.label_center, request.label_scale
    return lambda outputs_n1, labels_n: distance(outputs_n1[:, 0], (labels_n - center) / scale, reduction="none")


def _compare_counts(request: ObjectiveRequest) -> Loss:
    del request
    return lambda outputs_n1, labels_n: functional.poisson_nll_loss(
        outputs_n1[:, 0], labels_n, log_input=True, full=False, reduction="none"
    )


def _compare_rows(request: ObjectiveRequest) -> Loss:
    compare = RECONSTRUCTION_LOSSES[request.are_pixels, request.loss]
    return lambda outputs_nd, _: compare(*outputs_nd.chunk(2, dim=1)).mean(dim=1)


# Of a reconstruction's numbers (N, D) and the inputs (N, D): whether these are pixels / 255, and the loss' name.
RECONSTRUCTION_LOSSES: dict[tuple[bool, str | None], Callable[[Any, Any], Any]] = {
    (True, None): lambda logits, shares: functional.binary_cross_entropy_with_logits(logits, shares, reduction="none"),
    (True, "squared_error"): lambda logits, shares: (logits.sigmoid() - shares).square(),
    (False, None): lambda outputs, features: (outputs - features).square(),
    (False, "squared_error"): lambda outputs, features: (outputs - features).square(),
}


# Softmax cross-entropy, or the mean over classes of a margin loss; sigmoid cross-entropy, averaged over labels; squared
# error, Huber's loss (delta 1) or absolute error of the scaled label; Poisson's negative log likelihood without the
# term that depends on the label alone; of a reconstruction the mean over a row of RECONSTRUCTION_LOSSES; of boxes see
# `frameworks.box_weights`, of masks softmax cross-entropy, averaged over pixels, of items see `losses.items`.
LOSSES: dict[str, Callable[[ObjectiveRequest], Loss]] = {
    "binary": _compare_classes,
    "multiclass": _compare_classes,
    "multilabel": _compare_label_sets,
    "frames": _compare_frames,
    "regression": _compare_numbers,
    "count": _compare_counts,
    "reconstruction": _compare_rows,
    "quantiles": compare_quantiles,
    "gaussian": compare_normal,
    "negative_binomial": compare_overdispersed,
    "boxes": compare_boxes,
    "segmentation": compare_masks,
    "recommendation": compare_items,
}
