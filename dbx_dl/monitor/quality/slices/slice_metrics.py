"""The task's metrics of slices: of those that err more, and of every slice of the columns that are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbx_dl.contracts import Finding
from dbx_dl.monitor.quality.slices.cuts import OTHER_PART
from dbx_dl.monitor.quality.slices.search import name_columns, name_parts
from dbx_dl.monitor.quality.window_metrics import measure_metrics

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dbx_dl.config import QualityConfig, SlicesConfig
    from dbx_dl.contracts import Estimate, Target
    from dbx_dl.monitor.quality.labelled_sample import LabelledRows
    from dbx_dl.monitor.quality.slices.cuts import Cut
    from dbx_dl.monitor.quality.slices.search import FoundSlice

Parts = tuple[tuple[int, int], ...]
# Of so many found slices of a window metrics are told, those that err most first.
MAX_MEASURED = 20


def measure_slices(
    samples: Mapping[str, LabelledRows],
    cuts: Sequence[Cut],
    found: Mapping[str, Sequence[FoundSlice]],
    wholes: Mapping[str, Mapping[str, Estimate]],
    target: Target,
    config: QualityConfig,
) -> Iterator[Finding]:
    """All metrics of the task, with intervals, of each window's slices; the baseline is the whole window's, `wholes`.

    Slices are the found ones, MAX_MEASURED of a window at most, and of `slices.told_columns` those with `min_rows` of
    the drawn rows or more.
    """
    if config.slices is None:
        return
    for window, rows in samples.items():
        for parts in _list_slices(rows, cuts, found.get(window, ()), config.slices):
            yield from _tell_slice(window, parts, cuts, rows.of_slice(parts), wholes[window], target, config)


def _list_slices(
    rows: LabelledRows, cuts: Sequence[Cut], found: Sequence[FoundSlice], slices: SlicesConfig
) -> list[Parts]:
    """Slices of a window by the parts of cuts that they are made of, without repeats."""
    import numpy as np

    listed: list[Parts] = [each.candidate.parts for each in found[:MAX_MEASURED]]
    for place, cut in enumerate(cuts):
        if cut.column not in slices.told_columns or rows.parts is None:
            continue
        parts, counts = np.unique(rows.parts[:, place], return_counts=True)
        listed += [
            ((place, part),)
            for part, count in zip(parts.tolist(), counts.tolist(), strict=True)
            if part != OTHER_PART and count >= slices.min_rows
        ]
    return list(dict.fromkeys(listed))


def _tell_slice(
    window: str,
    parts: Parts,
    cuts: Sequence[Cut],
    rows: LabelledRows,
    whole: Mapping[str, Estimate],
    target: Target,
    config: QualityConfig,
) -> Iterator[Finding]:
    if not len(rows.labels):
        return
    for metric, estimate in measure_metrics(rows, target, config).items():
        yield Finding(
            window=window, area="quality", column=name_columns(parts, cuts), part=name_parts(parts, cuts),
            metric=metric, value=estimate.value, low=estimate.low, high=estimate.high, num_rows=len(rows.labels),
            baseline=whole[metric].value if metric in whole else None, detail="the baseline is the whole window's",
        )  # fmt: skip
