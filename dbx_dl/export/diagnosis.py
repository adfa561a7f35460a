"""What would explain that a file disagrees with its network: the usual ways in which exports go wrong, tried out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from dbx_dl.contracts import ImageSpec
from dbx_dl.export.normalization import find_normalization
from dbx_dl.score.inputs.binding import bind_rows
from dbx_dl.score.model.own_models import PIXELS_NAME, name_outputs
from dbx_dl.tasks import task_of

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from dbx_dl.export.parity import Differences, HeldOutRows
    from dbx_dl.score.model.session import ModelSession


def explain_difference(
    path: Path, differences: Differences, held_out: HeldOutRows, session: ModelSession, tolerance: float
) -> str | None:
    """One clause that says with which change the file at `path` would agree; None when no known one helps."""
    kind = task_of(session.metadata.target).output_kind
    expected = held_out.expected[kind]
    if kind == "probabilities" and _are_permuted(differences.found[kind], expected, tolerance):
        return "its labels are shuffled: with the probabilities in another order it would agree"
    if not isinstance(session.metadata.inputs, ImageSpec):
        return None
    pixels_nhwc = bind_rows(held_out.rows, session.metadata.inputs).inputs[PIXELS_NAME]
    for change, text in PIXEL_CHANGES:
        changed = change(pixels_nhwc)
        if (changed != pixels_nhwc).any():
            found = session.predict({PIXELS_NAME: changed})
            if (abs(found - expected) <= tolerance).all():
                return text
    return find_normalization(path, name_outputs(session.metadata)[kind], pixels_nhwc, expected, tolerance)


def _reverse_channels(pixels_nhwc: NDArray[np.uint8]) -> NDArray[np.uint8]:
    import numpy as np

    return np.ascontiguousarray(pixels_nhwc[..., ::-1])


def _reorder_as_nchw(pixels_nhwc: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What a network that takes the bytes for (N, C, H, W) would have to get."""
    import numpy as np

    return np.ascontiguousarray(pixels_nhwc.transpose(0, 3, 1, 2)).reshape(pixels_nhwc.shape)


PIXEL_CHANGES: tuple[tuple[Callable[[NDArray[np.uint8]], NDArray[np.uint8]], str], ...] = (
    (_reverse_channels, "its channels are swapped: with blue, green, red instead of red, green, blue it would agree"),
    (_reorder_as_nchw, "its axes are swapped: it reads pixels as (N, C, H, W) instead of (N, H, W, C)"),
)


def _are_permuted(found_nc: NDArray[np.floating], expected_nc: NDArray[np.floating], tolerance: float) -> bool:
    import numpy as np

    partners = [np.abs(found_nc - expected_nc[:, [k]]).max(axis=0).argmin() for k in range(expected_nc.shape[1])]
    is_permutation = len(set(partners)) == len(partners)
    return bool(is_permutation and (np.abs(found_nc[:, partners] - expected_nc) <= tolerance).all())
