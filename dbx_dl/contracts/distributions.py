"""How columns are distributed over rows: counts by bin and by value, and the moments of vectors."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from dbx_dl.contracts.contract import Contract

# What of a column is counted: its values, or what is measured of each image or text.
MeasureName = Literal[
    "value",
    "brightness",
    "contrast",
    "sharpness",
    "width",
    "height",
    "size_bytes",
    "format",
    "length",
    "unknown_share",
]


class Distribution(Contract):
    """How many rows have which values of one measure of a column.

    Numbers: bin i holds values from edges[i - 1] on and below edges[i], the first and the last bin are open; `counts`
    has one number more than `edges`. Categories: `counts` are by `values`, and the last one counts all other values.
    Null, NaN and infinite values are in `num_nulls` only: counts and nulls add up to `num_rows`. `is_complete`
    says that, where the values were chosen, there were no others. `unseen` names some of the other values then, with
    at most as many rows as they have. `mean` is that of the numbers.
    """

    column: str
    measure: MeasureName = "value"
    kind: Literal["number", "category"]
    num_rows: int = Field(ge=0)
    num_nulls: int = Field(ge=0)
    counts: tuple[int, ...] = Field(min_length=1)
    edges: tuple[float, ...] = ()
    values: tuple[str, ...] = ()
    is_complete: bool = True
    unseen: dict[str, int] = Field(default_factory=dict, exclude_if=lambda values: not values)
    minimum: float | None = None
    maximum: float | None = None
    mean: float | None = None
    deviation: float | None = None

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        places = self.edges if self.kind == "number" else self.values
        if len(self.counts) != len(places) + 1:
            raise ValueError(f"{len(places)} edges or values go with {len(places) + 1} counts, not {len(self.counts)}")
        if sum(self.counts) + self.num_nulls != self.num_rows:
            raise ValueError(f"counts and nulls of {self.column!r} do not add up to {self.num_rows} rows")
        return self

    @property
    def name(self) -> str:
        """The column, with what of it is measured unless that is the value itself."""
        return self.column if self.measure == "value" else f"{self.column}.{self.measure}"

    @property
    def num_values(self) -> int:
        """Rows that have a value."""
        return self.num_rows - self.num_nulls


class VectorMoments(Contract):
    """Mean (K,) and covariance of vectors of one column over rows, the upper triangle of (K, K) row by row.

    Vectors of more than MAX_AXES numbers are projected onto fixed random directions first, see
    `distributions.projection`. `size` is that of the vectors as they come. Rows without a whole vector are left out.
    """

    column: str
    size: int = Field(gt=0)
    num_rows: int = Field(ge=0)
    mean: tuple[float, ...]
    covariance: tuple[float, ...]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        axes = len(self.mean)
        if len(self.covariance) != axes * (axes + 1) // 2:
            raise ValueError(f"{axes} axes have {axes * (axes + 1) // 2} covariances, not {len(self.covariance)}")
        return self


class VectorSample(Contract):
    """Some vectors (N, K) of one column, as `VectorMoments` has them."""

    column: str
    vectors: tuple[tuple[float, ...], ...]


class Distributions(Contract):
    """How columns are distributed over the same rows: what a baseline and each window have in common.

    `near_duplicates` is, by column of images, the share of them that look like another one of the same rows.
    """

    num_rows: int = Field(ge=0)
    columns: tuple[Distribution, ...] = ()
    moments: tuple[VectorMoments, ...] = ()
    samples: tuple[VectorSample, ...] = Field(default=(), exclude_if=lambda samples: not samples)
    near_duplicates: dict[str, float] = Field(default_factory=dict, exclude_if=lambda shares: not shares)

    def join(self, other: Distributions) -> Distributions:
        """These and the other's columns, which are others; `num_rows` stays."""
        return self.model_copy(
            update={
                "columns": (*self.columns, *other.columns),
                "moments": (*self.moments, *other.moments),
                "samples": (*self.samples, *other.samples),
                "near_duplicates": self.near_duplicates | other.near_duplicates,
            }
        )
