"""Would a file of images agree with its network if its pixels were scaled and shifted? Fitted by Gauss-Newton steps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbx_dl.score.model.own_models import PIXELS_NAME

if TYPE_CHECKING:
    import numpy as np
    import onnx
    from numpy.typing import NDArray

_NUM_ROWS, _NUM_STEPS = 64, 12
# What a scale and a shift, of pixels 0 to 255, are moved by to see what they do.
_NUDGES = (1e-3, 0.25)


def find_normalization(
    path: Path, output: str, pixels_nhwc: NDArray[np.uint8], expected: NDArray[np.floating], tolerance: float
) -> str | None:
    """The change of pixels, by channel, with which the file's `output` would be `expected`; None for no such change.

    A wrong mean or standard deviation before the first layer is such a change, whichever numbers were meant.
    """
    import numpy as np

    predict = _open_after_cast(path, output)
    if predict is None:
        return None
    pixels = pixels_nhwc[:_NUM_ROWS].astype(np.float32)
    target = np.asarray(expected[:_NUM_ROWS], np.float64)

    def residuals(change: NDArray[np.float64]) -> NDArray[np.float64]:
        scale, shift = np.split(change, 2)
        return (predict((pixels * scale + shift).astype(np.float32)) - target).ravel()

    # One change for all channels first: it says more, and few outputs may not tell channels apart.
    for num_changes in sorted({1, pixels.shape[-1]}):
        change = _fit(residuals, np.concatenate([np.ones(num_changes), np.zeros(num_changes)]), tolerance)
        if change is not None:
            return _describe(*np.split(change, 2))
    return None


def _fit(
    residuals: Callable[[NDArray[np.float64]], NDArray[np.float64]], change: NDArray[np.float64], tolerance: float
) -> NDArray[np.float64] | None:
    """The change for which no residual is beyond the tolerance."""
    import numpy as np

    for _ in range(_NUM_STEPS):
        wrong = residuals(change)
        if not np.isfinite(wrong).all():
            return None
        if np.abs(wrong).max() <= tolerance:
            return change
        change = change - np.linalg.lstsq(_find_slopes(residuals, change, wrong), wrong, rcond=None)[0]
    return None


def _find_slopes(
    residuals: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    change: NDArray[np.float64],
    wrong: NDArray[np.float64],
) -> NDArray[np.float64]:
    """How much every residual moves with every number of the change."""
    import numpy as np

    nudges = np.repeat(_NUDGES, len(change) // 2)
    columns = [(residuals(change + step) - wrong) / nudge for step, nudge in zip(np.diag(nudges), nudges, strict=True)]
    return np.stack(columns, axis=1)


def _open_after_cast(path: Path, output: str) -> Callable[[NDArray[np.float32]], NDArray[np.float64]] | None:
    """The file's output as a function of pixels that are no longer bytes; None where pixels are not cast first."""
    import numpy as np
    import onnx
    import onnxruntime

    model = onnx.load_model(str(path))
    name = _drop_cast(model.graph)
    if name is None:
        return None
    try:
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    except Exception:  # a file beyond 2 GiB, or a graph that is no model without its first operator
        return None
    return lambda pixels: np.asarray(session.run([output], {name: pixels})[0], np.float64)


def _drop_cast(graph: onnx.GraphProto) -> str | None:
    """Let the graph begin behind the cast of its pixels to float32; the name of its input then."""
    from onnx import TensorProto

    users: list[Any] = [node for node in graph.node if PIXELS_NAME in node.input]
    if len(users) != 1 or users[0].op_type != "Cast" or users[0].attribute[0].i != TensorProto.FLOAT:
        return None
    name = str(users[0].output[0])
    graph.node.remove(users[0])
    (pixels,) = (value for value in graph.input if value.name == PIXELS_NAME)
    pixels.name = name
    pixels.type.tensor_type.elem_type = TensorProto.FLOAT
    kept = [value for value in graph.value_info if value.name != name]
    del graph.value_info[:]
    graph.value_info.extend(kept)
    return name


def _describe(scale: NDArray[np.float64], shift: NDArray[np.float64]) -> str:
    changes = ", ".join(f"{s:.4g}x {'-' if b < 0 else '+'} {abs(b):.4g}" for s, b in zip(scale, shift, strict=True))
    which = "by channel " if len(scale) > 1 else ""
    return f"its pixels are normalised with another mean or scale: with {changes} {which}instead of x it would agree"
