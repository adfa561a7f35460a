"""Delta tables at a version, and what prepare knows of the one that it wrote."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dbx_dl.contracts.contract import Contract
from dbx_dl.contracts.distributions import Distributions
from dbx_dl.contracts.inputs import InputSpec, Target

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")
WeightScheme = Literal["balanced", "effective_number"]


class TableVersion(Contract):
    """One version of one Delta table: `name` as SQL knows it (or its path), `path` where its files lie."""

    name: str
    path: str
    version: int


class ColumnProfile(Contract):
    """How the values of one raw column are distributed over the train split.

    `quantiles` are by probability ("0.25"); `top` counts the most frequent values. What a kind does not have is empty.
    """

    column: str
    kind: str
    num_rows: int
    num_nulls: int
    num_distinct: int | None = None
    minimum: float | None = None
    maximum: float | None = None
    mean: float | None = None
    deviation: float | None = None
    quantiles: dict[str, float] = Field(default_factory=dict)
    top: dict[str, int] = Field(default_factory=dict)


class RecordingStatistics(Contract):
    """Recordings of a table, over all splits: their mean seconds, and how many of them are in some way special.

    `num_cut` are longer than a model takes, `num_padded` less than half as long, `num_resampled` of another sample
    rate; `num_silent` stay below -60 dB, `num_clipped` have samples at or beyond full scale.
    """

    mean_seconds: float
    num_cut: int
    num_padded: int
    num_resampled: int
    num_silent: int
    num_clipped: int


class TableStatistics(Contract):
    """What training and monitoring need to know of a prepared table without another pass over it.

    `class_rows` counts rows by split and label. `class_weights` are for the train split: `balanced` is
    rows / (classes * rows of the class), `effective_number` is after Cui et al., "Class-Balanced Loss Based on
    Effective Number of Samples", 2019; both average 1 over the rows. Channel means and deviations are of uint8 pixels
    of the train split as the model gets them. `warnings` are sentences about what looks wrong.
    `popularity` counts of items to recommend, by split, the rows whose item is the most chosen one of the train split,
    the next one, and so on, among those that may be recommended. `distributions` are those of the inputs over the
    train split, which monitoring compares windows of scored rows with.
    """

    class_rows: dict[Split, dict[str, int]] = Field(default_factory=dict)
    class_weights: dict[WeightScheme, dict[str, float]] = Field(default_factory=dict)
    channel_means: tuple[float, ...] = ()
    channel_deviations: tuple[float, ...] = ()
    num_duplicates: int = 0
    profiles: tuple[ColumnProfile, ...] = ()
    warnings: tuple[str, ...] = ()
    # Left out where there is none, so that earlier versions read what they know.
    popularity: dict[Split, tuple[int, ...]] = Field(default_factory=dict, exclude_if=lambda ranks: not ranks)
    recordings: RecordingStatistics | None = Field(default=None, exclude_if=lambda found: found is None)
    distributions: Distributions | None = Field(default=None, exclude_if=lambda found: found is None)


class PreparedTable(Contract):
    """A training-ready Delta table, pinned: key, inputs, `label`, `label_index` (int), `split` (partition).

    `prepare_id` names the prepare that wrote this version; its rejects carry it too. `staged` is a plain copy of the
    columns that training reads, where only Spark reads the table itself right. `storage_options` open the table where
    it lies in an object store, secrets as `env:NAME`. `labels` is the table that labels came from, where it is another
    one than the source.
    """

    table: TableVersion
    rejects: TableVersion | None
    source: str
    key_column: str
    inputs: InputSpec
    target: Target
    split_rows: dict[Split, int]
    class_rows: dict[str, int]
    num_rejects: int
    reject_reasons: dict[str, int]
    prepare_id: str = ""
    statistics: TableStatistics = TableStatistics()
    staged: TableVersion | None = None
    storage_options: dict[str, str] = Field(default_factory=dict)
    labels: TableVersion | None = Field(default=None, exclude_if=lambda found: found is None)

    @property
    def feed_table(self) -> TableVersion:
        """The version whose files training reads."""
        return self.staged or self.table

    @property
    def num_rows(self) -> int:
        """Rows in the table, over all splits."""
        return sum(self.split_rows.values())
