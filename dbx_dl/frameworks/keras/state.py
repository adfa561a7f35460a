"""What a checkpoint keeps of Keras networks and their optimizers, and of this process' noise, as NumPy arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from keras import ops

from dbx_dl.frameworks.noise import read_process_noise, write_process_noise
from dbx_dl.frameworks.weights import check_state_fits

if TYPE_CHECKING:
    from numpy.typing import NDArray


def read_state(parts: Mapping[str, Any], optimizers: Mapping[str, Any]) -> dict[str, NDArray[np.generic]]:
    """All weights, trainable or not, and each optimizer's slots, step count and learning rate.

    `parts` are networks or layers by name; their names and those of optimizers are the first part of an array's.
    """
    return _read(_name_shared(parts, optimizers))


def write_state(
    parts: Mapping[str, Any], optimizers: Mapping[str, Any], arrays: Mapping[str, NDArray[np.generic]]
) -> None:
    """Take over what `read_state` gave; DataError, with nothing changed, when it is of another network.

    Arrays of other kinds, which an objective may keep beside these, are left to it.
    """
    kinds = {*parts, *optimizers}
    own = {name: array for name, array in arrays.items() if name.partition("/")[0] in kinds}
    _write(_name_shared(parts, optimizers), own)


def read_noise(parts: Mapping[str, Any]) -> dict[str, NDArray[np.generic]]:
    """States of the parts' seed generators (dropout and its like), of Python's and of NumPy's generator.

    `tf.random` keeps its states inside operations, where nobody can read them: what a network of the user's own draws
    there is not restored.
    """
    return _read(_name_noise(parts)) | read_process_noise()


def write_noise(parts: Mapping[str, Any], arrays: Mapping[str, NDArray[np.generic]]) -> None:
    """Take over what `read_noise` gave."""
    own = {name: array for name, array in arrays.items() if name.startswith("seed/")}
    _write(_name_noise(parts), own)
    write_process_noise(arrays)


def _name_shared(parts: Mapping[str, Any], optimizers: Mapping[str, Any]) -> dict[str, Any]:
    # Numbered, since Keras' own names depend on what was built in the process before.
    named = [(name, part.weights) for name, part in parts.items()]
    named += [(name, optimizer.variables) for name, optimizer in optimizers.items()]
    return {key: variable for name, variables in named for key, variable in _number(name, variables).items()}


def _name_noise(parts: Mapping[str, Any]) -> dict[str, Any]:
    weights = {id(variable) for part in parts.values() for variable in part.weights}
    variables = [variable for part in parts.values() for variable in part.variables]
    return _number("seed", [variable for variable in variables if id(variable) not in weights])


def _number(kind: str, variables: Any) -> dict[str, Any]:
    return {f"{kind}/{index:04d}": variable for index, variable in enumerate(variables)}


def _read(variables: Mapping[str, Any]) -> dict[str, NDArray[np.generic]]:
    return {name: _to_plain(ops.convert_to_numpy(variable)) for name, variable in variables.items()}


def _write(variables: Mapping[str, Any], arrays: Mapping[str, NDArray[np.generic]]) -> None:
    check_state_fits(arrays, _read(variables))
    for name, variable in variables.items():
        kept = ops.convert_to_numpy(variable).dtype
        variable.assign(arrays[name] if kept == arrays[name].dtype else arrays[name].view(kept))


def _to_plain(array: NDArray[np.generic]) -> NDArray[np.generic]:
    # NumPy's files know no bfloat16 and its like: their bits are kept.
    return np.array(array) if array.dtype.isbuiltin == 1 else array.view(f"u{array.itemsize}")
