"""From which probability on a row gets a label."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, FiniteFloat, model_validator

from dbx_dl.config.section import Section

Share = Annotated[float, Field(gt=0, le=1)]


class Costs(Section):
    """What a row costs that wrongly gets the label, and one that wrongly does not, in any one unit.

    These are `false_positive` and `false_negative`.
    """

    false_positive: FiniteFloat = Field(gt=0)
    false_negative: FiniteFloat = Field(gt=0)


class ThresholdConfig(Section):
    """A row gets `label` from a probability on that is chosen on the validation split, else its likeliest other label.

    The one with the highest F1 score, unless one of these is given: `costs`, for the least total cost; `min_precision`,
    for the highest recall at that precision; `min_recall`, for the highest precision at that recall; or the
    `probability` itself.
    """

    label: str
    costs: Costs | None = None
    min_precision: Share | None = None
    min_recall: Share | None = None
    probability: Annotated[float, Field(gt=0, lt=1)] | None = None

    @model_validator(mode="after")
    def _has_one_rule(self) -> Self:
        names = ("costs", "min_precision", "min_recall", "probability")
        given = [name for name in names if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} exclude each other: name one")
        return self
