"""What the checks found: rows per split and class, rejects per reason, and whether that is good enough to go on."""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dbx_dl.contracts import SPLITS
from dbx_dl.errors import DataError
from dbx_dl.runtime.tables import quote_column

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, Row

    from dbx_dl.contracts import Split

logger = logging.getLogger(__name__)

MAX_CLASSES = 10_000
# Columns of checked rows that say why a row is rejected (null: it is good); no column of a user has such a name.
REASON = "_reason"
DETAIL = "_detail"
_NUM_NAMED = 5


@dataclass(frozen=True)
class Outcome:
    """Counts of checked rows; an example key (may be None) for every reason of rejection.

    `class_rows` are rows by split and label; a row with several labels counts for each of them. `train_sums` are what
    was asked to be summed, over the good rows of the train split; `sums` over all good rows.
    """

    split_rows: dict[Split, int]
    class_rows: dict[Split, dict[str, int]]
    reject_reasons: dict[str, int]
    reject_examples: dict[str, str | None]
    train_sums: dict[str, float] = field(default_factory=dict)
    sums: dict[str, float] = field(default_factory=dict)

    @property
    def num_good(self) -> int:
        """Rows for the main table."""
        return sum(self.split_rows.values())

    @property
    def num_rejects(self) -> int:
        """Rows for the rejects table."""
        return sum(self.reject_reasons.values())

    @property
    def label_names(self) -> tuple[str, ...]:
        """Labels of good rows, sorted by name."""
        return tuple(sorted({name for rows in self.class_rows.values() for name in rows}))

    def count_label(self, name: str) -> int:
        """Rows that have this label, over all splits."""
        return sum(rows.get(name, 0) for rows in self.class_rows.values())

    def describe_rejects(self) -> str:
        """The most frequent reasons with a count and an example each."""
        ranked = sorted(self.reject_reasons.items(), key=lambda item: (-item[1], item[0]))
        named = [f"{count} {reason}{self._example(reason)}" for reason, count in ranked[:_NUM_NAMED]]
        return ", ".join(named) + (", …" if len(ranked) > len(named) else "")

    def _example(self, reason: str) -> str:
        example = self.reject_examples.get(reason)
        return f" (e.g. {example})" if example else ""


def count_outcome(checked: DataFrame, key_column: str, sums: Mapping[str, Column] | None = None) -> Outcome:
    """Count rows that have the columns `label` (string, array of strings, or no class at all), `split` and REASON.

    `sums` are numbers per row, by name.
    """
    from pyspark.sql import functions as F
    from pyspark.sql.types import ArrayType, StringType

    kind = checked.schema["label"].dataType
    is_good = F.col(REASON).isNull()
    label = F.col("label") if isinstance(kind, StringType) else F.lit(None).cast("string")
    groups = checked.groupBy(
        F.col(REASON).alias("reason"),
        F.when(is_good, label).alias("label"),
        F.when(is_good, F.col("split")).alias("split"),
    ).agg(
        F.count("*").alias("rows"),
        F.min(quote_column(key_column)).alias("example"),
        *(F.sum(column).alias(f"sum_{name}") for name, column in (sums or {}).items()),
    )
    counted = _collect_groups(groups)
    good = [group for group in counted if group["reason"] is None]
    train = [group for group in good if group["split"] == "train"]
    train_sums, all_sums = _add_up(train, sums or ()), _add_up(good, sums or ())
    splits: Counter[Split] = Counter(dict.fromkeys(SPLITS, 0))
    reasons, examples = Counter[str](), dict[str, str | None]()
    for group in counted:
        if group["reason"] is None:
            splits[group["split"]] += group["rows"]
        else:
            reasons[group["reason"]] += group["rows"]
            examples[group["reason"]] = group["example"]
    if isinstance(kind, ArrayType):
        labels = checked.where(is_good).select("split", F.explode("label").alias("label"))
        counted = _collect_groups(labels.groupBy("split", "label").agg(F.count("*").alias("rows")))
    return Outcome(dict(splits), _count_classes(counted), dict(reasons), examples, train_sums, all_sums)


def _add_up(groups: list[Row], names: Iterable[str]) -> dict[str, float]:
    return {name: math.fsum(group[f"sum_{name}"] or 0.0 for group in groups) for name in names}


def _collect_groups(groups: DataFrame) -> list[Row]:
    most = len(SPLITS) * MAX_CLASSES
    counted: list[Row] = groups.limit(most + 1).collect()
    if len(counted) > most:
        raise DataError(f"the label has more than {MAX_CLASSES} different values: is it a class at all?")
    return counted


def _count_classes(groups: list[Row]) -> dict[Split, dict[str, int]]:
    classes: dict[Split, dict[str, int]] = {split: {} for split in SPLITS}
    for group in groups:
        if group["label"] is not None:
            classes[group["split"]][group["label"]] = group["rows"]
    return classes


def require_usable(outcome: Outcome, what: str, max_reject_fraction: float, *, needs_classes: bool = True) -> None:
    """DataError when nothing is usable, too much was rejected, one class is left or the train split is empty."""
    found = outcome.num_good + outcome.num_rejects
    if found == 0:
        raise DataError(f"the source holds no {what}: there is nothing to prepare")
    if outcome.num_good == 0:
        raise DataError(f"none of the {found} {what} is usable: {outcome.describe_rejects()}")
    if outcome.num_rejects > max_reject_fraction * found:
        raise DataError(
            f"{outcome.num_rejects} of {found} {what} are unusable, more than max_reject_fraction = "
            f"{max_reject_fraction:g} allows: {outcome.describe_rejects()}"
        )
    if needs_classes:
        require_classes(outcome.label_names, what)
    if outcome.split_rows["train"] == 0:
        raise DataError(f"none of the {outcome.num_good} usable {what} falls into the train split: give more of them")


def require_classes(label_names: tuple[str, ...], what: str) -> None:
    """DataError unless there are two classes at least."""
    if len(label_names) == 1:
        raise DataError(f"all {what} have the one label {label_names[0]!r}: a classifier needs two classes at least")


def log_outcome(outcome: Outcome, what: str) -> None:
    """Tell the user what was found, and warn about classes that training will never see."""
    rejected = f": {outcome.describe_rejects()}" if outcome.num_rejects else ""
    logger.info("%d %s are usable, %d rejected%s", outcome.num_good, what, outcome.num_rejects, rejected)
    splits = ", ".join(f"{split} {rows}" for split, rows in outcome.split_rows.items())
    classes = f"{len(outcome.label_names)} classes; " if outcome.label_names else ""
    logger.info("%srows per split: %s", classes, splits)
    unseen = [name for name in outcome.label_names if not outcome.class_rows["train"].get(name)]
    if unseen:
        logger.warning("%d classes have no row in the train split, such as %r", len(unseen), unseen[0])
