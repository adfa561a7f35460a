"""Labels and training weights of rows, by the task that a table is prepared for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from dbx_dl.contracts import ImageSpec
from dbx_dl.errors import ConfigError, DataError
from dbx_dl.feed.boxes import BoxReader
from dbx_dl.feed.masks import MaskReader
from dbx_dl.feed.token_labels import TokenReader
from dbx_dl.tasks import LabelKind, label_kind_of, task_of
from dbx_dl.tasks.frames import NO_LABEL

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from dbx_dl.config import FeedConfig
    from dbx_dl.contracts import PreparedTable, Target
    from dbx_dl.feed.augmentation import FlipLabel

# What prepare writes, by what a row's label is.
_COLUMNS: dict[LabelKind, tuple[str, ...]] = {
    "class": ("label_index",),
    "label_set": ("label_index",),
    "frames": ("label_index",),
    "item": ("label_index",),
    "number": ("label",),
    "none": (),
}


class Labels(Protocol):
    """How labels get from columns to an array (N, *row_shape) of `dtype`, as `contracts.Batch` describes them."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are read."""

    @property
    def dtype(self) -> str:
        """Element type."""

    @property
    def row_shape(self) -> tuple[int, ...]:
        """Shape of one row's label."""

    @property
    def flip_label(self) -> FlipLabel | None:
        """What a label becomes with its image; None where it does not speak of places."""

    def read(self, table: pa.Table, place: str) -> NDArray[np.generic]:
        """Labels of a table's rows; DataError, naming `place`, when a row has none that can be used."""


def open_labels(prepared: PreparedTable) -> Labels:
    """The labels of a prepared table's task."""
    target, inputs = prepared.target, prepared.inputs
    if target.grid is not None and isinstance(inputs, ImageSpec):
        return BoxReader(target, inputs) if task_of(target).label_kind == "boxes" else MaskReader(target, inputs)
    return LabelReader(target) if target.text is None else TokenReader(target.text)


class LabelReader:
    """Labels as `contracts.Batch` describes them, from the columns that prepare writes for the task."""

    def __init__(self, target: Target) -> None:
        self._kind = label_kind_of(target)
        self._num_names = len(target.label_names)
        self._image = target.image
        self._least = None if target.task == "none" else task_of(target).least_label
        self.columns = (target.column,) if self._kind == "image" else _COLUMNS[self._kind]
        self.dtype = "float32" if self._kind in ("number", "label_set", "image") else "int64"
        self.is_framed = self._kind == "frames"
        sizes = {"label_set": self._num_names, "image": target.num_entries, "frames": target.num_frames}
        size = sizes.get(self._kind)
        self.row_shape: tuple[int, ...] = () if size is None else (size,)
        self.flip_label: FlipLabel | None = None

    def read(self, table: pa.Table, place: str) -> NDArray[np.generic]:
        """Labels (N, *row_shape) of a table's rows; DataError, naming `place`, when a row has none that is finite."""
        if not self.columns:
            return np.zeros(table.num_rows, dtype=self.dtype)
        column = table.column(self.columns[0])
        if column.null_count:
            raise DataError(f"{place} has rows without {self.columns[0]}: run the prepare stage again")
        if self._kind == "label_set":
            return self._read_sets(column, place)
        if self.is_framed:
            return self._read_frames(column, place)
        if self._image is not None:
            return self._read_images(column, self._image, place)
        return self._read_numbers(np.asarray(column.to_numpy()), place)

    def _read_images(self, column: pa.ChunkedArray, spec: ImageSpec, place: str) -> NDArray[np.float32]:
        """Pixels / 255, channels last, in a row each."""
        from dbx_dl.transforms.images import UndecodableImageError, decode_image

        pixels = np.zeros((len(column), spec.height, spec.width, spec.channels), np.uint8)
        for row, data in enumerate(column.to_pylist()):
            try:
                decode_image(data, spec, pixels[row])
            except UndecodableImageError as error:
                problem = f"{place} has images that cannot be decoded: {error}"
                raise DataError(f"{problem}; run the prepare stage again") from None
        return pixels.reshape(len(pixels), -1).astype(np.float32) / np.float32(255)

    def _read_numbers(self, values: NDArray[np.generic], place: str) -> NDArray[np.generic]:
        with np.errstate(over="ignore"):
            labels = values.astype(self.dtype)
        if not (is_finite := np.isfinite(labels)).all():
            raise DataError(
                f"{place} has labels that are no finite float32 numbers, such as {values[~is_finite][0]:g}: take these "
                "rows out or scale the label, and run the prepare stage again"
            )
        if self._least is not None and len(labels) and labels.min() < self._least:
            raise DataError(
                f"{place} has labels such as {labels.min():g}, which the task cannot have: they must be "
                f"{self._least:g} or more"
            )
        return labels

    def _read_frames(self, column: pa.ChunkedArray, place: str) -> NDArray[np.int64]:
        """Classes by step, those beyond the last step left out, -1 where a row has no further one."""
        import pyarrow.compute as pc

        from dbx_dl.transforms.arrow_values import list_owners

        indices, rows = self._check_indices(pc.list_flatten(column), place), list_owners(column)
        lengths = np.bincount(rows, minlength=len(column))
        steps = np.arange(len(rows)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        frames = np.full((len(column), *self.row_shape), NO_LABEL, dtype=np.int64)
        is_kept = steps < self.row_shape[0]
        frames[rows[is_kept], steps[is_kept]] = indices[is_kept]
        return frames

    def _check_indices(self, values: pa.ChunkedArray, place: str) -> NDArray[np.int64]:
        indices = values.to_numpy().astype(np.int64) if not values.null_count else np.array([-1])
        if len(indices) and not 0 <= indices.min() <= indices.max() < self._num_names:
            raise DataError(f"{place} has labels outside of the {self._num_names} known: run the prepare stage again")
        return indices

    def _read_sets(self, column: pa.ChunkedArray, place: str) -> NDArray[np.float32]:
        import pyarrow.compute as pc

        from dbx_dl.transforms.arrow_values import list_owners

        indices = self._check_indices(pc.list_flatten(column), place)
        sets = np.zeros((len(column), self._num_names), dtype=np.float32)
        sets[list_owners(column), indices] = 1
        return sets


class WeightReader:
    """A row's sample weight, and its weight in training: class weight x sample weight.

    ConfigError when the table has no such.
    """

    def __init__(self, prepared: PreparedTable, config: FeedConfig) -> None:
        self.columns: tuple[str, ...] = (config.sample_weight_column,) if config.sample_weight_column else ()
        self._by_class = None if config.class_weights == "none" else _list_class_weights(prepared, config)

    @property
    def is_needed(self) -> bool:
        """Whether any row may have another weight in training than 1."""
        return bool(self.columns) or self._by_class is not None

    def read(
        self, table: pa.Table, labels: NDArray[np.generic], place: str
    ) -> tuple[NDArray[np.float32] | None, NDArray[np.float32] | None]:
        """Weights in training and sample weights, float32 (N,) each; None where all are 1.

        DataError, which names `place`, when a row has no finite weight of 0 or more.
        """
        samples = _read_weights(table.column(self.columns[0]), self.columns[0], place) if self.columns else None
        own = None if samples is None else samples.astype(np.float32)
        if self._by_class is None:
            return own, own
        by_class = self._by_class[labels]
        return (by_class if samples is None else by_class * samples).astype(np.float32), own


def _list_class_weights(prepared: PreparedTable, config: FeedConfig) -> NDArray[np.float64]:
    """Weights (num classes,) in the order of the label indices."""
    target, scheme = prepared.target, config.class_weights
    if not target.is_classification:
        raise ConfigError(f"feed.class_weights is {scheme}, but the task {target.task} has no one class per row")
    known = prepared.statistics.class_weights
    weights = known.get(scheme, {}) if scheme != "none" else {}
    if set(target.label_names) - set(weights):
        raise ConfigError(
            f"feed.class_weights is {scheme}, which table {prepared.table.name} has no statistics of: prepare it again"
        )
    return np.array([weights[name] for name in target.label_names])


def _read_weights(column: pa.ChunkedArray, name: str, place: str) -> NDArray[np.float64]:
    from dbx_dl.transforms.arrow_values import to_float64

    weights: NDArray[np.float64] = to_float64(column, name)
    if not (np.isfinite(weights).all() and (weights >= 0).all()):
        raise DataError(f"{place} has rows whose {name} is no weight: they must be numbers of 0 or more")
    return weights
