"""Losses of one row for quantiles and distributions, the same functions as in Keras."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional

from dbx_dl.tasks.several_numbers import LEAST_SPREAD

if TYPE_CHECKING:
    from collections.abc import Callable

    from dbx_dl.frameworks.interface import ObjectiveRequest


def compare_quantiles(request: ObjectiveRequest) -> Callable[[Any, Any], Any]:
    """The pinball loss of the scaled label, averaged over levels."""
    levels, center, scale = torch.tensor(request.quantiles), request.label_center, request.label_scale

    def compare(outputs_np: Any, labels_n: Any) -> Any:
        rising = levels.to(outputs_np.device)
        steps = torch.cat([outputs_np[:, :1], functional.softplus(outputs_np[:, 1:])], dim=1)
        errors_np = ((labels_n - center) / scale)[:, None] - steps.cumsum(dim=1)
        return torch.maximum(rising * errors_np, (rising - 1) * errors_np).mean(dim=1)

    return compare


def compare_normal(request: ObjectiveRequest) -> Callable[[Any, Any], Any]:
    """The negative log likelihood of the scaled label."""
    center, scale = request.label_center, request.label_scale

    def compare(outputs_n2: Any, labels_n: Any) -> Any:
        deviation = functional.softplus(outputs_n2[:, 1]) + LEAST_SPREAD
        z = ((labels_n - center) / scale - outputs_n2[:, 0]) / deviation
        return deviation.log() + 0.5 * z.square() + 0.5 * math.log(2 * math.pi)

    return compare


def compare_overdispersed(request: ObjectiveRequest) -> Callable[[Any, Any], Any]:
    """The negative log likelihood of a count."""
    del request

    def compare(outputs_n2: Any, labels_n: Any) -> Any:
        dispersion = functional.softplus(outputs_n2[:, 1]) + LEAST_SPREAD
        size, log_odds = 1 / dispersion, outputs_n2[:, 0] + dispersion.log()
        terms = torch.lgamma(size) + torch.lgamma(labels_n + 1) - torch.lgamma(labels_n + size)
        return terms + (size + labels_n) * functional.softplus(log_odds) - labels_n * log_odds

    return compare
