"""What a rank's function returns, as one npz file without pickle: JSON values with NumPy arrays among them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from dbx_dl.errors import DataError
from dbx_dl.runtime.array_files import write_arrays
from dbx_dl.runtime.whole_files import write_whole

_TREE = "tree"
_ARRAY = "__array__"


def save_value(value: Any, path: Path) -> None:
    """Write None, booleans, numbers, strings, NumPy arrays, and lists, tuples and dicts (by string) of them.

    DataError for anything else.
    """
    arrays: dict[str, np.ndarray] = {}
    tree = json.dumps(_take_arrays(value, arrays))
    with write_whole(path) as partial:
        write_arrays(partial, {_TREE: np.array(tree), **arrays})


def load_value(path: Path) -> Any:
    """The value that `save_value` wrote; tuples come back as lists."""
    with np.load(path, allow_pickle=False) as arrays:
        return _put_arrays(json.loads(str(arrays[_TREE])), dict(arrays))


def _take_arrays(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    """The value with every array replaced by its name in `arrays`."""
    if value is None or (isinstance(value, bool | int | float | str) and not isinstance(value, np.generic)):
        return value
    if isinstance(value, list | tuple):
        return [_take_arrays(item, arrays) for item in value]
    if isinstance(value, dict) and all(isinstance(name, str) and name != _ARRAY for name in value):
        return {name: _take_arrays(item, arrays) for name, item in value.items()}
    if isinstance(value, np.ndarray | np.generic) and not value.dtype.hasobject:
        name = f"array_{len(arrays)}"
        arrays[name] = np.asarray(value)
        return {_ARRAY: name}
    raise DataError(
        f"a rank's function returned a {type(value).__qualname__}: return numbers, strings, "
        "NumPy arrays, or lists and dicts of them"
    )


def _put_arrays(tree: Any, arrays: dict[str, np.ndarray]) -> Any:
    if isinstance(tree, list):
        return [_put_arrays(item, arrays) for item in tree]
    if isinstance(tree, dict):
        if set(tree) == {_ARRAY}:
            found = arrays[tree[_ARRAY]]
            return found[()] if found.ndim == 0 else found
        return {name: _put_arrays(item, arrays) for name, item in tree.items()}
    return tree
