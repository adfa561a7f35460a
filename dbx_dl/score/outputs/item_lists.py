"""Places of recommended items become lists of their names and scores, and back."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dbx_dl.score.inputs.arrow_lists import as_lists
from dbx_dl.score.outputs.kind import WithoutChoices

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from dbx_dl.contracts import Target

_ITEMS, _SCORES = "items", "scores"


@dataclass(frozen=True)
class ItemLists:
    """An output float32 (N, k, 2) of items and scores, best first (see `tasks.recommendation`): a field for each.

    Lists are shorter where a row has fewer items that may be recommended.
    """

    output: str
    names: tuple[str, ...]

    @property
    def fields(self) -> dict[str, str]:
        """Names of the items, and a score for each."""
        return {_ITEMS: "array<string>", _SCORES: "array<float>"}

    def build(self, values: NDArray[np.float32], wanted: Collection[str]) -> dict[str, pa.Array]:
        """The fields of rows (N, k, 2)."""
        import numpy as np
        import pyarrow as pa

        del wanted
        is_item = values[..., 0] >= 0
        offsets = np.concatenate([[0], np.cumsum(is_item.sum(axis=1))])
        places, scores = values[..., 0][is_item].astype(np.int64), values[..., 1][is_item].astype(np.float32)
        names = pa.array(self.names, pa.string()).take(pa.array(places))
        return {_ITEMS: as_lists(names, offsets), _SCORES: as_lists(pa.array(scores), offsets)}

    def no_rows(self) -> np.ndarray:
        """An array without rows."""
        import numpy as np

        return np.empty((0, 1, 2), np.float32)


class ItemKind(WithoutChoices):
    """Items and scores (N, k, 2)."""

    what = "lists of items"

    def make(self, output: str, target: Target) -> ItemLists:
        """The fields `items` and `scores`."""
        return ItemLists(output, target.label_names)

    def list_columns(self, target: Target) -> tuple[str, ...]:
        """Both."""
        del target
        return (_ITEMS, _SCORES)

    def read(self, predictions: pa.Table, target: Target) -> np.ndarray:
        """(N, k, 2), as the task predicts them; longer lists are cut, shorter ones filled up with no items."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        from dbx_dl.metrics.recommendation import NO_ITEM
        from dbx_dl.tasks import task_of

        items, scores = (predictions.column(name).combine_chunks() for name in (_ITEMS, _SCORES))
        found = np.zeros((len(items), *task_of(target).row_shape(target)), np.float32)
        found[..., 0] = NO_ITEM
        items, scores = (pc.list_slice(lists, 0, found.shape[1]) for lists in (items, scores))
        lengths = pc.list_value_length(items).to_numpy(zero_copy_only=False)
        is_item = np.arange(found.shape[1]) < lengths[:, None]
        names = pa.array(target.label_names, pa.string())
        found[is_item, 0] = pc.index_in(items.flatten(), value_set=names).to_numpy(zero_copy_only=False)
        found[is_item, 1] = scores.flatten().to_numpy(zero_copy_only=False)
        return found
