"""Distributions of windows compared with those of a baseline, on the driver."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from dbx_dl.contracts import Finding
from dbx_dl.monitor.drift.check import Check, judge_checks
from dbx_dl.monitor.drift.column_checks import check_column
from dbx_dl.monitor.drift.vector_checks import check_moments, check_samples

if TYPE_CHECKING:
    from dbx_dl.config import DriftConfig
    from dbx_dl.contracts import Distributions


def compare_windows(
    counted: Mapping[str, Distributions], baseline: Distributions, config: DriftConfig
) -> tuple[Finding, ...]:
    """Findings of the area `drift` of every window, by its name: see `DriftConfig` for when one fires.

    Of every window the number of rows; of a column that was counted all figures of its kind; of one that was not, which
    the rows lacked, a finding without a value that is `unsure`.
    """
    kept = leave_out(baseline, config.skip)
    findings: list[Finding] = []
    for name, window in counted.items():
        findings.append(_count_rows(name, window, config.min_rows))
        if window.num_rows:
            checks = _check_window(kept, window, config)
            findings += judge_checks(name, checks, config.false_alarms, config.min_rows)
            findings += _tell_missing(name, kept, window)
    return tuple(findings)


def leave_out(baseline: Distributions, skip: tuple[str, ...]) -> Distributions:
    """The baseline without the columns, or columns and measures, that are not to be looked at."""
    return baseline.model_copy(
        update={
            "columns": tuple(c for c in baseline.columns if c.column not in skip and c.name not in skip),
            "moments": tuple(m for m in baseline.moments if m.column not in skip),
            "samples": tuple(s for s in baseline.samples if s.column not in skip),
            "near_duplicates": {c: share for c, share in baseline.near_duplicates.items() if c not in skip},
        }
    )


def _count_rows(name: str, window: Distributions, min_rows: int) -> Finding:
    is_small = window.num_rows < min_rows
    detail = "the window has no rows" if not window.num_rows else f"fewer than {min_rows} rows: nothing is judged"
    return Finding(
        window=name,
        area="drift",
        metric="num_rows",
        value=float(window.num_rows),
        num_rows=window.num_rows,
        status="unsure" if is_small else "told",
        detail=detail if is_small else "",
    )


def _check_window(baseline: Distributions, window: Distributions, config: DriftConfig) -> list[Check]:
    columns = {column.name: column for column in window.columns}
    moments = {found.column: found for found in window.moments}
    samples = {found.column: found for found in window.samples}
    checks: list[Check] = []
    for column in baseline.columns:
        if column.name in columns:
            checks += check_column(column, columns[column.name], config)
    drawn = {sample.column: sample for sample in baseline.samples}
    for vector in baseline.moments:
        name = vector.column
        if name in moments:
            checks += check_moments(vector, moments[name], config)
        if name in moments and name in drawn and name in samples:
            sizes = (moments[name].num_rows, vector.num_rows)
            checks += check_samples(drawn[name], samples[name], config, sizes)
    return checks + _check_images(baseline, window, config)


def _check_images(baseline: Distributions, window: Distributions, config: DriftConfig) -> list[Check]:
    return [
        Check(
            column=column,
            metric="near_duplicate_share",
            value=share,
            num_rows=window.num_rows,
            num_baseline=baseline.num_rows,
            baseline=baseline.near_duplicates.get(column),
            limit=config.near_duplicates,
            # Of more images more look alike: what the train split has itself is nothing to warn of in a window.
            warns=share > max(config.near_duplicates, baseline.near_duplicates.get(column, 0.0)),
            detail="images that look like another one of the window",
        )
        for column, share in window.near_duplicates.items()
        if column not in config.skip
    ]


def _tell_missing(name: str, baseline: Distributions, window: Distributions) -> list[Finding]:
    there = {column.name for column in window.columns} | {found.column for found in window.moments}
    expected = dict.fromkeys([column.name for column in baseline.columns] + [m.column for m in baseline.moments])
    return [
        Finding(
            window=name,
            area="drift",
            column=column,
            metric="null_share",
            value=None,
            num_rows=window.num_rows,
            status="unsure",
            detail="the rows have no such column, or one of another type than the model was trained with",
        )
        for column in expected
        if column not in there
    ]
