"""Explanations of some rows, and the fields of a table that they become."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dbx_dl.explain.pictures import draw_heat, draw_overlay
from dbx_dl.score.inputs.arrow_lists import as_lists, as_structs, spread_rows

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

FIELDS = {
    "explained_label": "string",
    "explained_score": "double",
    "base_score": "double",
    "contributions": "array<struct<feature:string,contribution:double>>",
    "heat_map": "binary",
    "overlay": "binary",
    "gap": "double",
    "error": "string",
}
DDL = ", ".join(f"`{name}` {kind}" for name, kind in FIELDS.items())
NOT_FINITE = "not_finite: the explanation is not a finite number"


@dataclass(frozen=True)
class ExplainedRows:
    """Explanations of N rows: of the score (N,) called `labels`, from `base` (N,) on where a method has one.

    Either `contributions` by feature of each row, or heat (N, H, W) over `pixels` (N, H, W, C). `gaps` (N,) are what is
    left unexplained of a score, where a method promises to explain all of it. `problems` say why a row has none.
    """

    labels: Sequence[str]
    scores: Floats
    base: Floats | None = None
    gaps: Floats | None = None
    contributions: Sequence[Mapping[str, float]] | None = None
    heat_nhw: Floats | None = None
    pixels_nhwc: NDArray[np.uint8] | None = None
    problems: Mapping[int, str] | None = None

    def find_problems(self) -> dict[int, str]:
        """The reason of every row without a whole explanation, by position."""
        import numpy as np

        found = dict(self.problems or {})
        for row, score in enumerate(self.scores.tolist()):
            numbers = [score]
            numbers += [] if self.contributions is None else list(self.contributions[row].values())
            is_hot = self.heat_nhw is None or bool(np.isfinite(self.heat_nhw[row]).all())
            if not (is_hot and np.isfinite(numbers).all()):
                found.setdefault(row, NOT_FINITE)
        return found


Placed = tuple["NDArray[np.int64]", ExplainedRows]


def to_structs(groups: Sequence[Placed], errors: Mapping[int, str], num_rows: int, top_k: int | None) -> pa.StructArray:
    """Structs of FIELDS for `num_rows` rows; those without an explanation are null beside their error.

    A group holds positions (M,) and the explanations of these M rows. Of contributions the `top_k` strongest are kept.
    """
    import numpy as np
    import pyarrow as pa

    reasons = dict(errors)
    columns: dict[str, list[Any]] = {name: [] for name in FIELDS if name != "error"}
    places: list[NDArray[np.int64]] = []
    for rows, found in groups:
        problems = found.find_problems()
        reasons |= {int(rows[row]): text for row, text in problems.items()}
        sound = [row for row in range(len(rows)) if row not in problems]
        places.append(rows[sound])
        for name, values in _list_fields(found, sound, top_k).items():
            columns[name] += values
    where = np.concatenate(places) if places else np.empty(0, np.int64)
    arrays = {name: spread_rows(_to_array(name, values), where, num_rows) for name, values in columns.items()}
    arrays["error"] = pa.array([reasons.get(row) for row in range(num_rows)], pa.string())
    return as_structs(arrays)


def _list_fields(found: ExplainedRows, rows: Sequence[int], top_k: int | None) -> dict[str, list[Any]]:
    heat, pixels = found.heat_nhw, found.pixels_nhwc
    return {
        "explained_label": [found.labels[row] for row in rows],
        "explained_score": [float(found.scores[row]) for row in rows],
        "base_score": [None if found.base is None else float(found.base[row]) for row in rows],
        "contributions": [
            None if found.contributions is None else rank_contributions(found.contributions[row], top_k) for row in rows
        ],
        "heat_map": [None if heat is None else draw_heat(heat[row]) for row in rows],
        "overlay": [None if heat is None or pixels is None else draw_overlay(heat[row], pixels[row]) for row in rows],
        "gap": [None if found.gaps is None else float(found.gaps[row]) for row in rows],
    }


def rank_contributions(contributions: Mapping[str, float], top_k: int | None) -> list[tuple[str, float]]:
    """The `top_k` strongest contributions, for or against (None: all), the strongest first."""
    ranked = sorted(contributions.items(), key=lambda item: -abs(item[1]))
    return ranked[:top_k]


def _to_array(name: str, values: list[Any]) -> pa.Array:
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    if name != "contributions":
        kinds = {"string": pa.string(), "double": pa.float64(), "binary": pa.binary()}
        return pa.array(values, kinds[FIELDS[name]])
    flat = [pair for row in values for pair in row or ()]
    structs = as_structs(
        {
            "feature": pa.array([feature for feature, _ in flat], pa.string()),
            "contribution": pa.array([number for _, number in flat], pa.float64()),
        }
    )
    lists = as_lists(structs, np.concatenate([[0], np.cumsum([len(row or ()) for row in values], dtype=np.int64)]))
    if all(row is not None for row in values):
        return lists
    is_there = pa.array([row is not None for row in values])
    return pc.if_else(is_there, lists, pa.nulls(len(lists), lists.type))
