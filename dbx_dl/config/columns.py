"""How a column of a table becomes features, by kind."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from dbx_dl.config.section import Section
from dbx_dl.contracts import DatetimePart

Fraction = Annotated[float, Field(ge=0, le=1)]


class NumericColumn(Section):
    """Numbers: imputed, optionally clipped to quantiles of the train split and logged, then scaled.

    `scale`: `standard` (mean, population deviation), `min_max`, `robust` (median, interquartile range) or `none`.
    `log1p` is sign(x) * log(1 + |x|). `fill_value` goes with `impute: constant`. `clip_quantiles` are a lower and an
    upper one, such as [0.01, 0.99]. `add_indicator` adds an input that is 1 where there was no number.
    """

    kind: Literal["numeric"] = "numeric"
    impute: Literal["mean", "median", "most_frequent", "constant"] = "median"
    fill_value: float | None = None
    add_indicator: bool = False
    clip_quantiles: tuple[Fraction, Fraction] | None = None
    log1p: bool = False
    scale: Literal["standard", "min_max", "robust", "none"] = "standard"

    @model_validator(mode="after")
    def _is_sound(self) -> Self:
        if (self.impute == "constant") != (self.fill_value is not None):
            raise ValueError("`impute: constant` and `fill_value` go together")
        if self.clip_quantiles and self.clip_quantiles[0] >= self.clip_quantiles[1]:
            raise ValueError(f"clip_quantiles must rise, got {self.clip_quantiles}")
        return self


class CategoricalColumn(Section):
    """Text: one-hot over the most frequent values that occur `min_count` times, the rest share the unknown slot.

    At most `max_categories` values are kept (without it the section's own number of them).
    With `hash_buckets` no vocabulary is kept: values are hashed (needs ONNX Runtime wherever the model runs).
    """

    kind: Literal["categorical"] = "categorical"
    min_count: int = Field(default=1, gt=0)
    max_categories: int | None = Field(default=None, gt=0)
    hash_buckets: int | None = Field(default=None, gt=0)


class BooleanColumn(Section):
    """True and false (also as text) as 1 and 0; nulls become what `impute` says.

    `add_indicator` adds an input that is 1 where there was a null.
    """

    kind: Literal["boolean"] = "boolean"
    impute: Literal["most_frequent", "false", "true"] = "most_frequent"
    add_indicator: bool = False


class DatetimeColumn(Section):
    """Dates and timestamps (also as ISO text, UTC): cyclical parts, and time elapsed on a standard scale.

    `add_indicator` adds an input that is 1 where there was no time.
    """

    kind: Literal["datetime"] = "datetime"
    parts: tuple[DatetimePart, ...] = ("month", "day_of_week", "hour")
    elapsed: bool = True
    add_indicator: bool = False


class EmbeddingColumn(Section):
    """Arrays of numbers of one length, `size`, which is the most frequent one where it is not given.

    `scale`: `standard` (mean and population deviation of each place) or `none`.
    """

    kind: Literal["embedding"] = "embedding"
    size: int | None = Field(default=None, gt=0)
    scale: Literal["standard", "none"] = "none"


class TextColumn(Section):
    """Sentences, as the ids of their tokens; beside such a column only those are features that are declared.

    Tokens are what `pattern` (RE2 syntax) finds, in small letters unless `lowercase` is false. The vocabulary is of the
    `max_tokens` most frequent ones that occur `min_count` times in the train split; others are unknown. Texts are cut
    after `max_length` tokens, where it is not given after as many as the longest one of the train split has, at most
    256.
    """

    kind: Literal["text"] = "text"
    pattern: str = Field(default=r"[\p{L}\p{M}\p{N}_']+", min_length=1)
    lowercase: bool = True
    max_tokens: int = Field(default=20_000, gt=0)
    min_count: int = Field(default=1, gt=0)
    max_length: int | None = Field(default=None, gt=0)


class StepsColumn(Section):
    """Numbers by step: arrays of any length, for each step one number; a table with such columns has no others.

    All arrays of a row are equally long, null elements and NaN become the mean. Rows are cut after `max_steps` steps,
    one number for all columns; where it is not given after as many as the longest row of the train split has, at most
    1024. `scale`: `standard` (mean and population deviation of all numbers of the train split) or `none`.
    """

    kind: Literal["steps"] = "steps"
    max_steps: int | None = Field(default=None, gt=0)
    scale: Literal["standard", "none"] = "standard"


class IgnoredColumn(Section):
    """A column that is no feature; `keep_as` keeps it in the table all the same, as a weight, say, or to group by."""

    kind: Literal["ignore"] = "ignore"
    keep_as: Literal["numeric", "categorical", "boolean", "datetime"] | None = None

    @property
    def kept(self) -> ColumnConfig | None:
        """How the column is read where it is kept."""
        kinds: dict[str, ColumnConfig] = {
            "numeric": NumericColumn(),
            "categorical": CategoricalColumn(),
            "boolean": BooleanColumn(),
            "datetime": DatetimeColumn(),
        }
        return None if self.keep_as is None else kinds[self.keep_as]


ColumnKind = Literal["numeric", "categorical", "boolean", "datetime", "embedding", "text", "steps", "ignore"]


def _as_options(value: Any) -> Any:
    return {"kind": value} if isinstance(value, str) else value


ColumnConfig = Annotated[
    NumericColumn
    | CategoricalColumn
    | BooleanColumn
    | DatetimeColumn
    | EmbeddingColumn
    | TextColumn
    | StepsColumn
    | IgnoredColumn,
    Field(discriminator="kind"),
    BeforeValidator(_as_options),
]
