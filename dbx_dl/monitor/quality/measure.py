"""How well a model did on scored rows whose truth is known by now, by window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbx_dl.errors import ConfigError
from dbx_dl.monitor.late_labels import count_labels, join_labels, require_measurable
from dbx_dl.monitor.quality.calibration import measure_calibration
from dbx_dl.monitor.quality.coverage import count_windows, tell_coverage
from dbx_dl.monitor.quality.judging import judge_metrics
from dbx_dl.monitor.quality.labelled_sample import draw_labelled
from dbx_dl.monitor.quality.slices.search import SlicePlan, find_slices, plan_slices, search_slices, tell_slices
from dbx_dl.monitor.quality.slices.slice_metrics import measure_slices
from dbx_dl.monitor.quality.window_metrics import Measured, measure_metrics
from dbx_dl.monitor.scored_rows import KEY, WINDOW, require_scored
from dbx_dl.tasks import task_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from pyspark.sql import DataFrame

    from dbx_dl.config import LateLabelsConfig, QualityConfig
    from dbx_dl.contracts import Finding, QualityBaseline, Target, Window
    from dbx_dl.monitor.quality.labelled_sample import LabelledRows


def measure_quality(
    scored: DataFrame,
    labels: DataFrame,
    target: Target,
    late: LateLabelsConfig,
    config: QualityConfig,
    *,
    windows: Sequence[Window],
    baseline: QualityBaseline | None = None,
    by_version: Mapping[int, QualityBaseline] | None = None,
    as_of: datetime | None = None,
) -> tuple[Finding, ...]:
    """Findings of the area `quality` of all windows: coverage by labels, metrics, calibration, slices.

    `scored` has a column `window` (the name of one of `windows`), `key`, the model's prediction fields, and where
    they are there `error`, `model_version`, `scored_at` and columns to look for slices in, such as the inputs. `labels`
    are the rows of `late.table`, as they are known at `as_of` (None: all of them). `target` is the model's. Metrics are
    compared with `baseline`, those of one model version with its own in `by_version`.

    Metrics by name and what they are of: the task's (`part` empty, `version 3` where a window has rows of several
    versions, or a slice, with its `column`), `label_coverage`, `disputed_labels`, `labels_unknown_to_model`,
    `predictions_of_other_shape`, `labels_before_scoring`, `labels_of_unknown_keys`,
    `labels_without_key`, `unreadable_labels`, `later_labels`, `calibration_error`, `reliability` (by bin),
    `quantile_share` (by quantile), `slice_error` (by slice; the
    baseline is the error elsewhere), `slices_searched`.

    Bounds: no more rows come to the driver than `labelled_sample.draw_labelled` says; slices are counted in Spark.
    ConfigError for a task without late labels, or metrics that the task has not; DataError when columns are absent.
    """
    require_measurable(target)
    judged = _choose_judged(target, config)
    require_scored(scored, (WINDOW, KEY), "quality")
    joined = join_labels(scored, labels, target, late, as_of)
    counts = count_windows(joined, target)
    usable = {window.name: counts[window.name].num_usable for window in windows if window.name in counts}
    plan = plan_slices(joined, target, config) if any(usable.values()) else SlicePlan()
    samples = draw_labelled(joined, target, config, usable, plan.cuts) if any(usable.values()) else {}
    measured = [part for window, rows in samples.items() for part in _measure(window, rows, target, config)]
    return (
        *tell_coverage(windows, counts, count_labels(scored, labels, target, late, as_of), config.min_rows),
        *judge_metrics(measured, judged, config, baseline, by_version or {}),
        *measure_calibration(samples, target, config),
        *_look_into_slices(joined, target, config, plan, samples, measured),
    )


def _look_into_slices(
    joined: DataFrame,
    target: Target,
    config: QualityConfig,
    plan: SlicePlan,
    samples: Mapping[str, LabelledRows],
    measured: Sequence[Measured],
) -> Iterator[Finding]:
    """Which slices err more, and the metrics of those and of the slices that are asked for."""
    slices = config.slices
    if slices is None or not samples:
        return
    candidates = [each for each in search_slices(joined, target, config, plan) if each.window in samples]
    found = find_slices(candidates, config, slices)
    if plan.error is not None:
        yield from tell_slices(found, candidates, plan.cuts, plan.error[0], config, slices)
    wholes = {part.window: part.metrics for part in measured if not part.part}
    yield from measure_slices(samples, plan.cuts, found, wholes, target, config)


def _choose_judged(target: Target, config: QualityConfig) -> tuple[str, ...]:
    """The metrics that are judged; ConfigError for one that the task has not."""
    task = task_of(target)
    for name in (*config.metrics, *config.limits):
        if name not in task.metrics:
            known = ", ".join(task.metrics)
            raise ConfigError(f"quality: {name!r} is no metric of the task {task.name}: choose from {known}")
    return config.metrics or (task.default_metric,)


def _measure(window: str, rows: LabelledRows, target: Target, config: QualityConfig) -> Iterator[Measured]:
    """The window as a whole, then each model version where there are several."""
    yield _measure_part(window, "", None, rows, target, config)
    versions = sorted(set(rows.versions.tolist()) - {-1})
    if len(set(rows.versions.tolist())) > 1:
        for version in versions:
            yield _measure_part(window, f"version {version}", version, rows.of_version(version), target, config)


def _measure_part(
    window: str, part: str, version: int | None, rows: LabelledRows, target: Target, config: QualityConfig
) -> Measured:
    metrics = measure_metrics(rows, target, config)
    return Measured(window, part, version, len(rows.labels), rows.num_rows, metrics)
