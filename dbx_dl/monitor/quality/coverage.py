"""How many scored rows have a label by now, and what is odd about the labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dbx_dl.contracts import Finding
from dbx_dl.metrics import share_interval
from dbx_dl.monitor.late_labels import IS_DISPUTED, LABELLED_AT, LabelCounts
from dbx_dl.monitor.quality.labelled_sample import has_shape, is_labelled, is_outside, is_usable
from dbx_dl.monitor.scored_rows import SCORED_AT, WINDOW, has_prediction, pick

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pyspark.sql import DataFrame

    from dbx_dl.contracts import Target, Window

COVERAGE, DISPUTED, OUTSIDE = "label_coverage", "disputed_labels", "labels_unknown_to_model"
OTHER_SHAPE, EARLIER = "predictions_of_other_shape", "labels_before_scoring"
_ODD = {
    DISPUTED: "rows were given different labels at the same last moment",
    OUTSIDE: "rows have a label that the model does not know: they are in no other figure",
    OTHER_SHAPE: "rows have no prediction of this model's classes: they are in no other figure",
    EARLIER: "rows were scored after their label was given: is it of the outcome that was predicted?",
}


@dataclass(frozen=True)
class WindowCounts:
    """Rows of a window: all, those with a prediction, with a label too, and what is odd or usable among these."""

    num_rows: int = 0
    num_predicted: int = 0
    num_labelled: int = 0
    num_disputed: int = 0
    num_outside: int = 0
    num_misshapen: int = 0
    num_earlier: int = 0
    num_usable: int = 0


def count_windows(joined: DataFrame, target: Target) -> dict[str, WindowCounts]:
    """The counts of each window, in one pass."""
    from pyspark.sql import functions as F

    has_label = is_labelled(joined)
    conditions = {
        "num_predicted": has_prediction(joined),
        "num_labelled": has_label,
        "num_disputed": has_label & pick(joined, IS_DISPUTED),
        "num_outside": has_label & is_outside(joined, target),
        "num_earlier": has_label & (pick(joined, LABELLED_AT) < pick(joined, SCORED_AT, "timestamp")),
        "num_misshapen": has_label & ~has_shape(joined, target),
        "num_usable": is_usable(joined, target),
    }
    counts = [F.count(F.when(condition, 1)).alias(name) for name, condition in conditions.items()]
    rows = joined.groupBy(WINDOW).agg(F.count("*").alias("num_rows"), *counts).collect()
    return {row[WINDOW]: WindowCounts(**{k: v for k, v in row.asDict().items() if k != WINDOW}) for row in rows}


def tell_coverage(
    windows: Sequence[Window], counts: Mapping[str, WindowCounts], labels: LabelCounts, min_rows: int
) -> Iterator[Finding]:
    """Of each window the share of its predictions that have a label, disputed labels and those the model cannot know.

    Labels as such, which are of no window, are told with the last one.
    """
    for window in windows:
        found = counts.get(window.name, WindowCounts())
        yield _tell_share(window.name, found, min_rows)
        numbers = {DISPUTED: found.num_disputed, OUTSIDE: found.num_outside}
        numbers |= {OTHER_SHAPE: found.num_misshapen, EARLIER: found.num_earlier}
        for metric, number in numbers.items():
            is_told = metric == EARLIER or found.num_usable < min_rows
            if number:
                yield Finding(
                    window=window.name, area="quality", metric=metric, value=number / found.num_labelled,
                    num_rows=found.num_labelled, status="told" if is_told else "warning",
                    detail=f"{number:,} {_ODD[metric]}",
                )  # fmt: skip
    if windows:
        yield from _tell_labels(windows[-1].name, labels)


def _tell_share(window: str, found: WindowCounts, min_rows: int) -> Finding:
    share = found.num_labelled / found.num_predicted if found.num_predicted else None
    low, high = share_interval(found.num_labelled, found.num_predicted)
    failed = found.num_rows - found.num_predicted
    detail = f"{found.num_labelled:,} of {found.num_predicted:,} predictions have a label by now"
    if failed:
        detail += f"; {failed:,} rows have an error in the place of a prediction"
    is_enough = found.num_usable >= min_rows
    if not is_enough:
        detail += f"; {min_rows:,} usable ones are needed to judge"
    return Finding(
        window=window, area="quality", metric=COVERAGE, value=share, low=low, high=high,
        num_rows=found.num_predicted, status="told" if is_enough else "unsure", detail=detail,
    )  # fmt: skip


def _tell_labels(window: str, labels: LabelCounts) -> Iterator[Finding]:
    unknown = "keys with a label are of no row that was looked at"
    if labels.unknown_key is not None:
        unknown += f", such as {labels.unknown_key[:60]!r}"
    if labels.num_keys and labels.num_unknown_keys == labels.num_keys:
        unknown += ": no label has the key of a scored row; look at `labels.key`"
    told = (
        ("labels_of_unknown_keys", labels.num_unknown_keys, unknown),
        ("labels_without_key", labels.num_without_key, "labels have no key and say nothing"),
        ("unreadable_labels", labels.num_unreadable, "labels are no number, which the model predicts"),
        ("later_labels", labels.num_later, "labels were given after the moment of the look"),
    )
    for metric, number, detail in told:
        if number:
            yield Finding(
                window=window, area="quality", metric=metric, value=float(number), num_rows=labels.num_rows,
                detail=f"{number:,} {detail}",
            )  # fmt: skip
