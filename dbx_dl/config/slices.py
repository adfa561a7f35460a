"""Where parts of the rows are looked for in which a model errs more than elsewhere."""

from __future__ import annotations

from pydantic import Field

from dbx_dl.config.section import Section


class SlicesConfig(Section):
    """Slices: rows with one value of a column, with a number in one range, or with both of two such.

    `columns` are looked into; without any, those of the scored rows that hold texts, booleans or numbers, at most
    `max_columns`. Of texts the `max_values` most frequent values are slices, numbers are cut into `num_bins` ranges of
    about as many rows. Pairs of columns are looked into up to `max_pairs`; where there are more, those of the columns
    that tell most alone. A slice has at least `min_rows` rows. It is found when its mean error is significantly
    higher than that of the window's other rows, and by `min_effect`: the difference over the deviation of an error
    (0.2 is small, 0.5 middling, 0.8 large). Found slices are a `warning`, with `alert` they fire.

    Of found slices the task's metrics are told too, and of every slice of `told_columns`, whether the model errs more
    there or not: `told_columns: [region]` tells how good it is in each region, window by window.
    """

    columns: tuple[str, ...] = ()
    told_columns: tuple[str, ...] = ()
    max_columns: int = Field(default=20, gt=0)
    max_values: int = Field(default=20, gt=0)
    num_bins: int = Field(default=4, ge=2, le=20)
    max_pairs: int = Field(default=45, ge=0)
    min_rows: int = Field(default=50, ge=2)
    min_effect: float = Field(default=0.25, ge=0)
    alert: bool = False
