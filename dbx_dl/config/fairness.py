"""Which groups a model's decisions are compared between, and how far apart they may be."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, FiniteFloat, model_validator

from dbx_dl.config.section import Section

DifferenceName = Literal[
    "demographic_parity_difference",
    "equal_opportunity_difference",
    "equalized_odds_difference",
    "calibration_error_difference",
]


class FairnessConfig(Section):
    """How often the label `favourable` is predicted for test rows, by each value in `columns` of the prepared table.

    `weight_column` is a column of numbers that says how much a row counts. Groups of fewer than `min_rows` rows are
    told, not compared. `max_gaps`: no new champion whose groups differ by more in one of these differences;
    `min_parity_ratio`: nor one whose least selected group is selected less than so many times as often as the most
    selected one (0.8 in the four-fifths rule).
    """

    columns: tuple[str, ...] = Field(min_length=1)
    favourable: str
    weight_column: str | None = None
    min_rows: int = Field(default=30, gt=0)
    max_gaps: dict[DifferenceName, FiniteFloat] = Field(default_factory=dict)
    min_parity_ratio: float | None = Field(default=None, gt=0, le=1)

    @model_validator(mode="after")
    def _names_columns_once(self) -> Self:
        if len(set(self.columns)) < len(self.columns):
            raise ValueError("columns name one twice: keep one of them")
        return self

    @property
    def read_columns(self) -> tuple[str, ...]:
        """The table's columns that the rates need."""
        return (*self.columns, *(() if self.weight_column is None else (self.weight_column,)))
