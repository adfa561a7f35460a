"""Bound rows through a model: frozen batches are filled up, and rows on which it fails are found and left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dbx_dl.errors import DataError

if TYPE_CHECKING:
    import numpy as np

    from dbx_dl.score.model.session import ModelSession

# So many rows alone that fail, before any worked, and then as many spread over the others, mean that all will fail.
_MAX_LONE_FAILURES = 8
_NUM_SPREAD = 16
_MAX_REASON = 300
NOT_FINITE = "not_finite: the model's output is not a finite number"

Arrays = Mapping[str, "np.ndarray"]


@dataclass
class RunRows:
    """Outputs by name of the rows that the model took, the rows' places among those given, and reasons of others."""

    outputs: dict[str, Any]
    places: np.ndarray
    errors: dict[int, str]


@dataclass
class _Search:
    """The state of a search for the rows on which a model fails."""

    parts: list[tuple[int, int, list[Any]]] = field(default_factory=list)
    errors: dict[int, str] = field(default_factory=dict)
    num_alone: int = 0


def run_rows(session: ModelSession, inputs: Arrays, num_rows: int) -> RunRows:
    """The plan's outputs for `num_rows` rows.

    Where ONNX Runtime fails, the halves are tried, down to the row: some 2 * num_rows calls at most, and far fewer
    where it fails on all rows that are tried, which are the first and others spread over the rest. Rows with an output
    that is not finite are errors too. DataError when an output has not one entry per row.
    """
    import numpy as np

    search = _Search()
    _search(session, inputs, 0, num_rows, search)
    names = session.plan.outputs
    outputs = {name: _join([part[place] for _, _, part in search.parts]) for place, name in enumerate(names)}
    places = [np.arange(start, stop) for start, stop, _ in search.parts]
    run = RunRows(outputs, np.concatenate(places) if places else np.empty(0, np.int64), search.errors)
    return _drop_not_finite(run)


def _search(session: ModelSession, inputs: Arrays, start: int, stop: int, search: _Search) -> None:
    if start == stop:
        return
    try:
        part = call_model(session, {name: array[start:stop] for name, array in inputs.items()}, stop - start)
    except DataError:
        raise
    except Exception as error:
        reason = f"failed: {' '.join(str(error).split())[:_MAX_REASON]}"
    else:
        search.parts.append((start, stop, part))
        return
    is_alone = stop - start == 1
    is_tried = search.num_alone >= _MAX_LONE_FAILURES and not search.parts
    if is_alone or (is_tried and _fails_everywhere(session, inputs, start, stop)):
        search.num_alone += 1
        search.errors |= dict.fromkeys(range(start, stop), reason)
        return
    middle = (start + stop) // 2
    _search(session, inputs, start, middle, search)
    _search(session, inputs, middle, stop, search)


def _fails_everywhere(session: ModelSession, inputs: Arrays, start: int, stop: int) -> bool:
    """Whether the model fails on each of a few rows that are spread over these."""
    step = max(1, (stop - start) // _NUM_SPREAD)
    for place in range(start, stop, step):
        try:
            call_model(session, {name: array[place : place + 1] for name, array in inputs.items()}, 1)
        except Exception:  # the reason is known already
            continue
        return False
    return True


def call_model(session: ModelSession, inputs: Arrays, num_rows: int) -> list[Any]:
    """The plan's outputs of one call, or of as many as a frozen number of rows needs; what that adds is cut off."""
    frozen = session.plan.frozen_rows
    if frozen is None:
        return _run_once(session, inputs, num_rows)
    calls = []
    for start in range(0, num_rows, frozen):
        size = min(frozen, num_rows - start)
        filled = {name: _fill_up(array[start : start + size], frozen) for name, array in inputs.items()}
        calls.append([values[:size] for values in _run_once(session, filled, frozen)])
    return [_join(list(parts)) for parts in zip(*calls, strict=True)]


def _run_once(session: ModelSession, inputs: Arrays, num_rows: int) -> list[Any]:
    names = session.plan.outputs
    return _check_rows(names, session.plan.to_rows(session.run(names, inputs), num_rows), num_rows)


def _fill_up(array: np.ndarray, num_rows: int) -> np.ndarray:
    """The array with its last row repeated up to `num_rows`."""
    import numpy as np

    missing = num_rows - len(array)
    return array if missing == 0 else np.concatenate([array, np.repeat(array[-1:], missing, axis=0)])


def _check_rows(names: tuple[str, ...], values: list[Any], num_rows: int) -> list[Any]:
    for name, found in zip(names, values, strict=True):
        length = 0 if getattr(found, "ndim", 1) == 0 else len(found)
        if length != num_rows:
            raise DataError(
                f"the model's output {name!r} has {length} entries for {num_rows} rows: it does not hold one value for "
                "each row; leave it out with the option `fields`"
            )
    return values


def _join(parts: list[Any]) -> Any:
    import numpy as np

    if len(parts) == 1:
        return parts[0]
    if any(isinstance(part, list) for part in parts) or len({part.shape[1:] for part in parts}) != 1:
        return [row for part in parts for row in part]
    return np.concatenate(parts)


def _drop_not_finite(run: RunRows) -> RunRows:
    import numpy as np

    is_finite = np.ones(len(run.places), bool)
    for values in run.outputs.values():
        if not _is_all_finite(values):
            is_finite &= _find_finite(values, len(run.places))
    if is_finite.all():
        return run
    errors = run.errors | dict.fromkeys(run.places[~is_finite].tolist(), NOT_FINITE)
    kept = is_finite.nonzero()[0]
    outputs = {name: [v[k] for k in kept] if isinstance(v, list) else v[kept] for name, v in run.outputs.items()}
    return RunRows(outputs, run.places[kept], errors)


def _is_all_finite(values: Any) -> bool:
    """Whether an array's elements are all finite, which is found sooner than in which rows they are."""
    import numpy as np

    return not isinstance(values, list) and (values.dtype.kind != "f" or bool(np.isfinite(values).all()))


def _find_finite(values: Any, num_rows: int) -> np.ndarray:
    """Whether all numbers of a row are finite (N,)."""
    import numpy as np

    if isinstance(values, list):
        return np.array([_is_row_finite(row) for row in values], bool)
    if values.dtype.kind != "f" or values.size == 0:
        return np.ones(num_rows, bool)
    return np.asarray(np.isfinite(values).reshape(num_rows, -1).all(axis=1))


def _is_row_finite(row: Any) -> bool:
    """Whether the numbers of a map, a tensor or several tensors are finite."""
    import numpy as np

    parts = row.values() if isinstance(row, dict) else row if isinstance(row, tuple) else (row,)
    return all(np.asarray(part).dtype.kind != "f" or bool(np.isfinite(part).all()) for part in parts)
