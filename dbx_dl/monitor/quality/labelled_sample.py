"""Labelled rows of every window on the driver: all of them, or as many as were asked for, drawn by a hash."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dbx_dl.errors import DataError
from dbx_dl.monitor.late_labels import TRUTH
from dbx_dl.monitor.scored_rows import (
    KEY,
    LABEL,
    LABELS,
    PROBABILITIES,
    SCORED_AT,
    VERSION,
    WINDOW,
    has_prediction,
    pick,
)
from dbx_dl.runtime.tables import quote_column
from dbx_dl.score.outputs.kinds import kind_of
from dbx_dl.tasks import task_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray
    from pyspark.sql import Column, DataFrame

    from dbx_dl.config import QualityConfig
    from dbx_dl.contracts import Target
    from dbx_dl.monitor.quality.slices.cuts import Cut

# The numbers that predictions of all windows together may have on the driver, half a gigabyte of them.
MAX_NUMBERS = 2**26
_MIN_ROWS = 100
_PARTS = 2**30
_CUT = "_part"


@dataclass(frozen=True)
class LabelledRows:
    """Rows of one window, or of one model version within it: labels (N, …), predictions (N, …), as a `Task` has them.

    `versions` (N,) are the model's, `num_rows` how many labelled rows the window has, of which these N were drawn.
    With `has_labels_only` the predictions are 1 for the predicted class, since nothing else was stored. `parts` (N, K)
    are each row's parts of K cuts, where slices are looked for.
    """

    labels: NDArray[Any]
    predictions: NDArray[np.floating]
    versions: NDArray[Any]
    num_rows: int
    has_labels_only: bool = False
    parts: NDArray[np.int64] | None = None

    def of_version(self, version: int) -> LabelledRows:
        """The rows that this version scored; `num_rows` are then those here, as no others were counted."""
        return self._take(self.versions == version)

    def of_slice(self, parts: Sequence[tuple[int, int]]) -> LabelledRows:
        """The rows of a slice, pairs of a cut's place and a part of it; `num_rows` are those here too."""
        import numpy as np

        is_inside = np.ones(len(self.labels), np.bool_)
        for cut, part in parts:
            assert self.parts is not None
            is_inside &= self.parts[:, cut] == part
        return self._take(is_inside)

    def _take(self, is_taken: NDArray[np.bool_]) -> LabelledRows:
        return replace(
            self,
            labels=self.labels[is_taken],
            predictions=self.predictions[is_taken],
            versions=self.versions[is_taken],
            num_rows=int(is_taken.sum()),
            parts=None if self.parts is None else self.parts[is_taken],
        )


def is_usable(joined: DataFrame, target: Target) -> Column:
    """Whether a row can be measured: it has a prediction of the model's shape, and a label that the model knows."""
    return is_labelled(joined) & ~is_outside(joined, target) & has_shape(joined, target)


def is_labelled(joined: DataFrame) -> Column:
    """Whether a row was scored and has a label."""
    return has_prediction(joined) & pick(joined, TRUTH).isNotNull()


def has_shape(joined: DataFrame, target: Target) -> Column:
    """Whether a row's prediction is one of the target's; never null. Another version may have had other classes.

    Where the predicted class was stored it has to be a known one, be it read itself or beside its probabilities.
    """
    from pyspark.sql import functions as F

    columns, _ = _prediction_columns(joined, target)
    has_all = F.lit(True)
    for column in columns:
        has_all = has_all & column.isNotNull()
    if task_of(target).output_kind == "probabilities" and PROBABILITIES in joined.columns:
        is_whole = F.size(PROBABILITIES) == len(target.label_names)
        is_whole = is_whole & ~F.exists(_as_array(joined, PROBABILITIES, target), lambda number: number.isNull())
        has_all = has_all & F.coalesce(is_whole, F.lit(False))
    return has_all & _has_known_classes(joined, target)


def _has_known_classes(joined: DataFrame, target: Target) -> Column:
    """Whether the class, or all classes of the set, that was predicted is one of the target's; true if none was stored.

    A row may have probabilities and no label, since none reached its threshold.
    """
    from pyspark.sql import functions as F

    if task_of(target).label_kind == "label_set" and LABELS in joined.columns:
        names = F.array(*(F.lit(name) for name in target.label_names))
        return F.coalesce(F.size(F.array_except(LABELS, names)) == 0, F.lit(True))
    if target.is_classification and task_of(target).label_kind == "class" and LABEL in joined.columns:
        return F.coalesce(F.col(LABEL).cast("string").isin(*target.label_names), F.lit(True))
    return F.lit(True)


def is_outside(joined: DataFrame, target: Target) -> Column:
    """Whether a row's label is one that the model does not know; never null."""
    from pyspark.sql import functions as F

    kind, truth = task_of(target).label_kind, pick(joined, TRUTH)
    if kind == "number":
        return F.lit(False)
    names = [F.lit(name) for name in target.label_names]
    if kind == "label_set":
        return F.coalesce(F.size(F.array_except(truth, F.array(*names))) > 0, F.lit(False))
    return F.coalesce(~truth.isin(*target.label_names), F.lit(False))


def draw_labelled(
    joined: DataFrame, target: Target, config: QualityConfig, num_usable: Mapping[str, int], cuts: Sequence[Cut] = ()
) -> dict[str, LabelledRows]:
    """By window, labelled rows of what `late_labels.join_labels` gives; `num_usable` says how many there are.

    With each row comes its part of every one of the `cuts`.

    At most about `config.max_rows` of a window come to the driver, fewer where predictions are wide or windows many:
    all together hold at most MAX_NUMBERS numbers, but 100 rows a window. A row is drawn or not by a hash of its key,
    its window and its moment, so that the same rows give the same figures. DataError when the predictions' columns
    are absent.
    """
    from pyspark.sql import functions as F

    columns, has_labels_only = _prediction_columns(joined, target)
    width = _count_numbers(target) + len(cuts)
    most = max(_MIN_ROWS, min(config.max_rows, MAX_NUMBERS // (width * max(1, len(num_usable)))))
    place = F.pmod(F.xxhash64(F.lit(config.seed), WINDOW, KEY, pick(joined, SCORED_AT, "timestamp")), F.lit(_PARTS))
    drawn = joined.where(is_usable(joined, target) & (place < _find_limit(num_usable, most))).select(
        WINDOW,
        KEY,
        TRUTH,
        pick(joined, VERSION, "int").cast("int").alias(VERSION),
        place.alias("_place"),
        *columns,
        *(cut.place().cast("int").alias(f"{_CUT}{number}") for number, cut in enumerate(cuts)),
    )
    # In an order of its own, since resampling hangs on it.
    rows = drawn.toArrow().sort_by([(name, "ascending") for name in (WINDOW, "_place", KEY)])
    return {
        window: read_rows(_take(rows, window), target, num_rows, has_labels_only)
        for window, num_rows in num_usable.items()
        if num_rows
    }


def _find_limit(num_usable: Mapping[str, int], most: int) -> Column:
    """Below which place a row of its window is drawn."""
    from pyspark.sql import functions as F

    shares = {window: min(1.0, most / max(1, num_rows)) for window, num_rows in num_usable.items()}
    pairs = [F.lit(part) for window, share in shares.items() for part in (window, int(share * _PARTS))]
    return F.coalesce(F.create_map(*pairs)[F.col(WINDOW)], F.lit(0))


def _take(rows: pa.Table, window: str) -> pa.Table:
    import pyarrow.compute as pc

    return rows.filter(pc.equal(rows.column(WINDOW), window)).combine_chunks()


def read_rows(rows: pa.Table, target: Target, num_rows: int, has_labels_only: bool) -> LabelledRows:
    """Drawn rows of one window: TRUTH, VERSION and the predictions' columns; with `has_labels_only` `label` alone."""
    import numpy as np

    labels = _read_labels(rows.column(TRUTH), target)
    if has_labels_only:
        chosen = _find_places(rows.column(LABEL), target)
        predictions: NDArray[np.floating] = np.eye(len(target.label_names))[chosen]
    else:
        predictions = kind_of(target).read(rows, target)
    versions = rows.column(VERSION).fill_null(-1).to_numpy()
    return LabelledRows(labels, predictions, versions, num_rows, has_labels_only, _read_parts(rows))


def _read_parts(rows: pa.Table) -> NDArray[np.int64] | None:
    import numpy as np

    found = [rows.column(name).to_numpy() for name in rows.column_names if name.startswith(_CUT)]
    return np.stack(found, axis=1).astype(np.int64) if found else None


def _read_labels(truth: pa.ChunkedArray, target: Target) -> NDArray[Any]:
    import numpy as np
    import pyarrow.compute as pc

    kind = task_of(target).label_kind
    if kind == "number":
        return np.asarray(truth.to_numpy(), np.float64)
    if kind != "label_set":
        return _find_places(truth, target)
    sets = np.zeros((len(truth), len(target.label_names)), np.float32)
    owners = pc.list_parent_indices(truth.combine_chunks()).to_numpy()
    sets[owners, _find_places(pc.list_flatten(truth), target)] = 1
    return sets


def _find_places(names: pa.ChunkedArray, target: Target) -> NDArray[np.int64]:
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    known = pa.array(target.label_names, pa.string())
    return np.asarray(pc.index_in(names.cast(pa.string()), value_set=known).to_numpy().astype(np.int64))


def _prediction_columns(joined: DataFrame, target: Target) -> tuple[list[Column], bool]:
    """What is read of the predictions; whether that is the label alone."""
    from pyspark.sql import functions as F

    wanted = kind_of(target).list_columns(target)
    missing = [name for name in wanted if name not in joined.columns]
    if not missing:
        return [_as_array(joined, name, target).alias(name) for name in wanted], False
    if target.is_classification and LABEL in joined.columns:
        return [F.col(LABEL)], True
    raise DataError(
        f"the scored rows have no column {missing[0]!r}, which quality is measured by: keep it in "
        "`score.options.fields`"
    )


def _as_array(joined: DataFrame, name: str, target: Target) -> Column:
    """A column of predictions; a map by label as the array of its numbers."""
    from pyspark.sql import functions as F

    column = F.col(quote_column(name))
    if joined.schema[name].dataType.typeName() != "map":
        return column
    return F.array(*(column[label] for label in target.label_names))


def _count_numbers(target: Target) -> int:
    """Numbers in a row's prediction."""
    size = 1
    for side in task_of(target).row_shape(target):
        size *= side
    return size
