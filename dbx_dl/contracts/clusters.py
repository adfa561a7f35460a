"""What the clusters of a model are like: how large, how their columns differ, and which of them are alike."""

from __future__ import annotations

from dbx_dl.contracts.contract import Contract
from dbx_dl.contracts.tables import Split, TableVersion


class NumberSummary(Contract):
    """A column's numbers in some rows; None where no row has one."""

    mean: float | None
    median: float | None
    deviation: float | None


class NumberProfile(Contract):
    """A column of numbers in all rows, and in each cluster."""

    column: str
    whole: NumberSummary
    clusters: tuple[NumberSummary, ...]


class ValueProfile(Contract):
    """A value of a column: its share of all rows, and of each cluster's."""

    column: str
    value: str
    whole: float
    clusters: tuple[float, ...]

    def lift(self, cluster: int) -> float:
        """How many times as frequent it is in a cluster as in all rows."""
        return self.clusters[cluster] / self.whole


class ColumnContrast(Contract):
    """How far two clusters are apart in a column (of a `value`: in its share), the first's minus the second's.

    Of numbers it is the difference of means by the root mean square of both deviations (Cohen's d), of shares the
    difference of their arcsines (Cohen's h, Cohen 1988, "Statistical power analysis"): 0.2 is small, 0.8 large.
    """

    column: str
    value: str | None = None
    difference: float


class ClusterPair(Contract):
    """Two clusters: the root mean square of their differences over all columns, and the columns that tell most."""

    first: int
    second: int
    difference: float
    apart: tuple[ColumnContrast, ...]
    alike: tuple[ColumnContrast, ...]


class ClusterProfiles(Contract):
    """The clusters of an ONNX file over all rows of its table, `sizes` in rows; 0 is a cluster that no row is in.

    `classes` are shares by class where the table has such. Silhouettes (Rousseeuw 1987) are those of `num_sampled` rows
    of a split: their mean by space (`inputs`: pixels / 255 or encoded features; `code`: what an encoder makes of them,
    which other networks cannot be compared by), and the mean of each cluster in the space that it was looked for in
    (None where no such row is in it). `nearest` are keys of the rows nearest to each centre.
    """

    framework: str
    network: str
    model_sha256: str
    table: TableVersion
    num_rows: int
    sizes: tuple[int, ...]
    classes: tuple[ValueProfile, ...]
    numbers: tuple[NumberProfile, ...]
    values: tuple[ValueProfile, ...]
    pairs: tuple[ClusterPair, ...]
    split: Split
    num_sampled: int
    silhouettes: dict[str, float]
    silhouette_by_cluster: tuple[float | None, ...]
    nearest: tuple[tuple[str, ...], ...]
