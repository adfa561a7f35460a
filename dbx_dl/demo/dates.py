"""Dates of the demo: written in seven ways, and as ISO 8601 has them; which number is what depends on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

NUM_DATES = 1800
FIRST_YEAR, LAST_YEAR = 1970, 2019
MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
_ENDINGS = {1: "st", 2: "nd", 3: "rd", 21: "st", 22: "nd", 23: "rd", 31: "st"}
_DAY, _MONTH = "{year}-{month:02d}-{day:02d}", "{year}-{month:02d}"
# As dates are written, and what is meant.
_FORMS = (
    (_DAY, _DAY),
    ("{day} {name} {year}", _DAY),
    ("{name} {day}, {year}", _DAY),
    ("the {day}{ending} of {name}, {year}", _DAY),
    ("{day:02d}.{month:02d}.{year}", _DAY),
    ("{month:02d}/{day:02d}/{year}", _DAY),
    ("{name} {year}", _MONTH),
)
# The share that is written as it is meant.
COPIED = 1 / len(_FORMS)


def write_dates(num_dates: int = NUM_DATES, seed: int = 0) -> list[tuple[str, str, str]]:
    """Rows (id, written, iso): each way is as frequent, and one alone is the answer already.

    Every date has one answer, so that the best attainable share of right ones is 1; to copy is right in 1 of 7.
    """
    import numpy as np

    random = np.random.default_rng(seed)
    return [(f"date-{number:05d}", *_write_date(random)) for number in range(num_dates)]


def _write_date(random: np.random.Generator) -> tuple[str, str]:
    year, month = int(random.integers(FIRST_YEAR, LAST_YEAR + 1)), int(random.integers(1, 13))
    day = int(random.integers(1, 29))
    parts = {"year": year, "month": month, "day": day, "name": MONTHS[month - 1], "ending": _ENDINGS.get(day, "th")}
    written, meant = _FORMS[int(random.integers(len(_FORMS)))]
    return written.format(**parts), meant.format(**parts)
