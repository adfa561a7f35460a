"""What is counted of every group in Spark, and the rates that it makes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from dbx_dl.contracts import GroupRates
from dbx_dl.metrics.group_gaps import ShareRate
from dbx_dl.metrics.reliability import NUM_BINS, BinCounts, estimate_calibration

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyspark.sql import Column

    from dbx_dl.metrics.group_gaps import Rate
    from dbx_dl.metrics.reliability import CalibrationError


def list_counts(selected: Column, favourable: Column, probability: Column, weight: Column) -> list[Column]:
    """Sums over a group's rows that all rates are made of; `favourable` is null where a row has no label.

    Of unknown columns nulls are given.
    """
    from pyspark.sql import functions as F

    is_known = favourable.isNotNull()
    kinds = {"all": F.lit(True), "known": is_known, "hit": favourable, "miss": ~favourable}
    sums = [F.count("*").alias("rows"), F.count(F.when(is_known, 1)).alias("known_rows")]
    for name, condition in kinds.items():
        sums.append(_add(condition, weight).alias(name))
        sums.append(_add(condition, weight * weight).alias(f"{name}_squares"))
        sums.append(_add(condition & selected, weight).alias(f"{name}_selected"))
    sums.append(F.sum(F.when(probability.isNotNull(), weight)).alias("with_probability"))
    sums.append(F.sum(weight * probability).alias("probability"))
    place = F.least(F.floor(probability * NUM_BINS), F.lit(NUM_BINS - 1))
    for number in range(NUM_BINS):
        inside = is_known & (place == number)
        sums.append(_add(inside, weight).alias(f"bin{number}"))
        sums.append(_add(inside, weight * probability).alias(f"bin{number}_probability"))
        sums.append(_add(inside & favourable, weight).alias(f"bin{number}_hits"))
    return sums


def _add(condition: Column, value: Column) -> Column:
    from pyspark.sql import functions as F

    return F.coalesce(F.sum(F.when(condition, value)), F.lit(0.0))


@dataclass(frozen=True)
class GroupCounts:
    """One group of a window: its rows, those with a label, and the sums of `list_counts`."""

    window: str
    column: str
    group: str
    num_rows: int
    num_known: int
    sums: Mapping[str, float]

    @cached_property
    def rates(self) -> dict[str, Rate]:
        """The rates that have rows, by the names of `GroupRates`."""
        shares = {
            "base_rate": self._share("known", "hit"),
            "selection_rate": self._share("all", "all_selected"),
            "true_positive_rate": self._share("hit", "hit_selected"),
            "false_positive_rate": self._share("miss", "miss_selected"),
        }
        found: dict[str, Rate] = {name: share for name, share in shares.items() if share is not None}
        error = self._measure_calibration()
        return found if error is None else found | {"calibration_error": error}

    @property
    def mean_probability(self) -> float | None:
        """What the model gives the favourable label on average."""
        total = self.sums["with_probability"]
        return self.sums["probability"] / total if total else None

    def as_contract(self, min_rows: int) -> GroupRates:
        """The rates; of fewer labels than `min_rows` only those that need none."""
        values = {name: rate.value for name, rate in self.judged_rates(min_rows).items()}
        return GroupRates(
            column=self.column,
            group=self.group,
            num_rows=self.num_rows,
            mean_probability=self.mean_probability,
            **values,
        )

    def judged_rates(self, min_rows: int) -> dict[str, Rate]:
        """The rates that enough rows are behind."""
        is_enough = dict.fromkeys(self.rates, self.num_known >= min_rows)
        is_enough["selection_rate"] = self.num_rows >= min_rows
        return {name: rate for name, rate in self.rates.items() if is_enough[name]}

    def _share(self, total: str, part: str) -> ShareRate | None:
        """The share with as many plain rows as the weighted ones say as much as (Kish 1965, "Survey Sampling")."""
        weight, squares = self.sums[total], self.sums[f"{total}_squares"]
        if weight <= 0:
            return None
        num_rows = weight * weight / squares
        return ShareRate(min(1.0, self.sums[part] / weight) * num_rows, num_rows)

    def _measure_calibration(self) -> CalibrationError | None:
        import numpy as np

        columns = ("", "_probability", "_hits")
        counts = BinCounts(*(np.array([self.sums[f"bin{k}{end}"] for k in range(NUM_BINS)]) for end in columns))
        squares = self.sums["known_squares"]
        return estimate_calibration(counts, num_effective=self.sums["known"] ** 2 / squares if squares else None)
