"""Weight files: refused before anything is loaded when they do not fit."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from dbx_dl.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

logger = logging.getLogger(__name__)


def check_weights_fit(
    path: Path, found: Mapping[str, NDArray[np.generic]], expected: Mapping[str, NDArray[np.generic]]
) -> None:
    """DataError, naming the first difference, unless `found` has the names, shapes and dtypes of `expected`."""
    for difference in _differences(found, expected):
        raise DataError(f"the weights in {path} are of another network: {difference}")


def keep_fitting(
    path: Path, found: Mapping[str, NDArray[np.generic]], own: Mapping[str, NDArray[np.generic]]
) -> dict[str, NDArray[np.generic]]:
    """`own` with those arrays of `found` that have the same name, shape and dtype; the log names the others.

    DataError when none does.
    """
    skipped = list(_differences(found, own))
    fitting = {name: array for name, array in found.items() if name in own and _describe(array) == _describe(own[name])}
    if not fitting:
        raise DataError(f"the weights in {path} are of another network: {skipped[0]}")
    if skipped:
        logger.warning("of the weights in %s these are not taken: %s", path, "; ".join(skipped))
    return {**own, **fitting}


def check_state_fits(found: Mapping[str, NDArray[np.generic]], expected: Mapping[str, NDArray[np.generic]]) -> None:
    """DataError, naming the first difference, unless a checkpoint's arrays fit the network and its optimizer."""
    for difference in _differences(found, expected):
        raise DataError(f"the checkpoint is of another network or optimizer: {difference}")


@contextmanager
def refuse_unreadable(path: Path, what: str) -> Iterator[None]:
    """Turn whatever a reader raises on an absent or broken file into one DataError; its own ones stay."""
    try:
        yield
    except DataError:
        raise
    except FileNotFoundError:
        raise DataError(f"the weights {path} do not exist") from None
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{path} is not {what}: {reason}") from None


def _differences(
    found: Mapping[str, NDArray[np.generic]], expected: Mapping[str, NDArray[np.generic]]
) -> Iterator[str]:
    for name, array in expected.items():
        if name not in found:
            yield f"{name} {_describe(array)} is missing"
        elif (found[name].shape, found[name].dtype) != (array.shape, array.dtype):
            yield f"{name} is {_describe(found[name])}, the network's is {_describe(array)}"
    for name in found:
        if name not in expected:
            yield f"the network has no {name}"


def _describe(array: NDArray[np.generic]) -> str:
    return f"{array.dtype}{list(array.shape)}"
