"""Whether the probabilities of a window's predictions are those with which they come true."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from dbx_dl.contracts import Finding
from dbx_dl.metrics.multiple_testing import adjust_p_values
from dbx_dl.metrics.reliability import count_bins, estimate_calibration, measure_bins
from dbx_dl.tasks import task_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from dbx_dl.config import QualityConfig
    from dbx_dl.contracts import FindingStatus, Target
    from dbx_dl.metrics.reliability import BinCounts, CalibrationError
    from dbx_dl.monitor.quality.labelled_sample import LabelledRows

CALIBRATION_ERROR, RELIABILITY, QUANTILE_SHARE = "calibration_error", "reliability", "quantile_share"
# Of sets of labels every label is a decision: so many of them are looked at.
_MAX_DECISIONS = 50_000
_MIN_DRAWS = 1000


def measure_calibration(
    samples: Mapping[str, LabelledRows], target: Target, config: QualityConfig
) -> tuple[Finding, ...]:
    """By window the calibration error, with its interval, and the reliability of probabilities by bin.

    Of two classes probabilities are the second's, of more the likeliest class', of sets of labels each label's; of
    quantiles there is the share of labels up to each instead. None for other tasks, or where probabilities were not
    stored. With `config.max_calibration_error` a window fires whose error is above it beyond doubt.
    """
    if target.task == "quantiles":
        return tuple(finding for window, rows in samples.items() for finding in _tell_quantiles(window, rows, target))
    counts = {
        window: count_bins(*decisions)
        for window, rows in samples.items()
        if (decisions := list_decisions(rows, target)) is not None and len(decisions[0])
    }
    num_draws = _count_draws(len(counts), config)
    errors = {
        window: estimate_calibration(found, num_draws=num_draws, seed=config.seed) for window, found in counts.items()
    }
    known = {window: error for window, error in errors.items() if error is not None}
    adjusted = adjust_p_values([error.p_value for error in known.values()])
    findings: list[Finding] = []
    for (window, error), p_value in zip(known.items(), adjusted, strict=True):
        findings.append(_judge(window, error, len(samples[window].labels), p_value, config))
        findings += _tell_bins(window, counts[window], config)
    return tuple(findings)


def _count_draws(num_windows: int, config: QualityConfig) -> int:
    """So many that the smallest p-value there can be stands after correction for all windows."""
    if config.max_calibration_error is None:
        return _MIN_DRAWS
    return max(_MIN_DRAWS, ceil(2 * num_windows / config.false_alarms))


def list_decisions(rows: LabelledRows, target: Target) -> tuple[NDArray[np.bool_], NDArray[np.float64]] | None:
    """Whether what a probability speaks of happened, and the probability, (N,) each; None where there is none."""
    import numpy as np

    if rows.has_labels_only or task_of(target).output_kind != "probabilities":
        return None
    probabilities = rows.predictions.astype(np.float64)
    if task_of(target).label_kind == "label_set":
        # Whole rows are passed over: a step through all decisions would always meet the same labels.
        step = max(1, probabilities.size // _MAX_DECISIONS)
        return (rows.labels[::step] > 0.5).ravel(), probabilities[::step].ravel()
    if probabilities.shape[1] == 2:
        return rows.labels == 1, probabilities[:, 1]
    return rows.labels == probabilities.argmax(axis=1), probabilities.max(axis=1)


def _judge(
    window: str, error: CalibrationError, num_rows: int, adjusted: float | None, config: QualityConfig
) -> Finding:
    low, high = error.interval(config.confidence)
    status = _find_status(error, low, num_rows, adjusted, config)
    detail = f"calibrated probabilities would have {error.by_chance[0]:.4f} on so many rows"
    return Finding(
        window=window, area="quality", metric=CALIBRATION_ERROR, value=error.value, low=low, high=high,
        num_rows=num_rows, limit=config.max_calibration_error, p_value=error.p_value, adjusted_p_value=adjusted,
        status=status, detail=detail,
    )  # fmt: skip


def _find_status(
    error: CalibrationError, low: float, num_rows: int, adjusted: float | None, config: QualityConfig
) -> FindingStatus:
    limit = config.max_calibration_error
    if limit is None:
        return "told"
    if num_rows < config.min_rows:
        return "unsure"
    if low > limit and adjusted is not None and adjusted <= config.false_alarms:
        return "alert"
    return "warning" if error.value - error.by_chance[0] > limit else "ok"


def _tell_bins(window: str, counts: BinCounts, config: QualityConfig) -> Iterator[Finding]:
    for found in measure_bins(counts, config.confidence):
        yield Finding(
            window=window, area="quality", metric=RELIABILITY, part=f"{found.start:g} to {found.end:g}",
            value=found.share, low=found.low, high=found.high, num_rows=found.num_rows,
            baseline=found.mean_probability,
        )  # fmt: skip


def _tell_quantiles(window: str, rows: LabelledRows, target: Target) -> Iterator[Finding]:
    from dbx_dl.metrics import share_interval

    task = task_of(target)
    for place, (name, level) in enumerate(zip(task.name_values(target), target.quantiles, strict=True)):
        hits = int((rows.labels <= rows.predictions[:, place]).sum())
        low, high = share_interval(hits, len(rows.labels))
        yield Finding(
            window=window, area="quality", metric=QUANTILE_SHARE, part=name, value=hits / len(rows.labels), low=low,
            high=high, num_rows=len(rows.labels), baseline=level,
        )  # fmt: skip
