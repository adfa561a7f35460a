"""The areas of a look, each measured where the config gives what it needs."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dbx_dl.errors import DataError
from dbx_dl.monitor.drift.baselines import find_input_baseline, measure_output_baseline
from dbx_dl.monitor.drift.comparing import compare_windows, leave_out
from dbx_dl.monitor.drift.measuring import NothingToCompareError, count_windows
from dbx_dl.monitor.fairness.measure import measure_fairness
from dbx_dl.monitor.operations.measure import measure_operations
from dbx_dl.monitor.other_models import hide_other_classes
from dbx_dl.monitor.quality.measure import measure_quality
from dbx_dl.monitor.scored_inputs import HAS_INPUTS
from dbx_dl.runtime.tables import pin_table, read_pinned
from dbx_dl.score.tables.score_runs import list_score_runs

if TYPE_CHECKING:
    from datetime import datetime

    from pyspark.sql import DataFrame, SparkSession

    from dbx_dl.contracts import Distributions, Finding
    from dbx_dl.monitor.watched import Watched
    from dbx_dl.monitor.windows import Look

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Measured:
    """Findings of all areas, and what their pictures are drawn from: distributions of the baseline and by window.

    `notes` are sentences about what was left out.
    """

    findings: tuple[Finding, ...] = ()
    baseline: Distributions | None = None
    windows: dict[str, Distributions] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def measure_areas(spark: SparkSession, watched: Watched, look: Look, now: datetime) -> Measured:
    """All areas that the config asks for, of which it says what they need; labels count as they are known `now`."""
    config, areas = watched.config, watched.config.areas
    measured = _measure_drift(spark, watched, look) if "drift" in areas else Measured()
    labels = _read_labels(spark, watched) if {"quality", "fairness"} & set(areas) else None
    rows, notes = hide_other_classes(look.rows, watched) if {"quality", "fairness"} & set(areas) else (look.rows, ())
    frame = rows.drop(HAS_INPUTS)
    # A row that is gone from the source is of no group.
    grouped = rows.where(HAS_INPUTS).drop(HAS_INPUTS) if HAS_INPUTS in rows.columns else frame
    found = list(measured.findings)
    if "quality" in areas and labels is not None and config.labels is not None:
        found += measure_quality(
            frame, labels, watched.prepared.target, config.labels, config.quality, windows=look.windows,
            baseline=watched.quality, by_version=watched.quality_by_version, as_of=now,
        )  # fmt: skip
    if "fairness" in areas and config.fairness is not None:
        found += measure_fairness(
            grouped, watched.prepared.target, config.fairness, windows=look.windows, labels=labels, late=config.labels,
            as_of=now,
        )  # fmt: skip
    if "operations" in areas:
        runs = list_score_runs(spark, look.source.name)
        found += measure_operations(frame, config.operations, windows=look.windows, runs=runs)
    return Measured(tuple(found), measured.baseline, measured.windows, (*measured.notes, *notes))


def _measure_drift(spark: SparkSession, watched: Watched, look: Look) -> Measured:
    """Inputs against the train split, and predictions against those on the test split."""
    prepared, options = watched.prepared, watched.score.options
    if watched.model.metadata is not None:
        # The prepared table has the model's own names, whatever the scored source calls its columns.
        options = options.model_copy(update={"inputs": {}})
    baseline, notes = find_input_baseline(spark, prepared), list[str]()
    try:
        outputs = measure_output_baseline(
            spark, prepared, watched.model.uri, tracking_uri=watched.tracking.uri, options=options
        )
    except DataError as error:
        notes.append(f"predictions are not compared with those of the test split: {error}")
        logger.warning("%s", notes[0])
    else:
        baseline = baseline.join(outputs)
    baseline = leave_out(baseline, watched.config.drift.skip)
    try:
        counted = count_windows(
            look.rows,
            look.windows,
            baseline,
            inputs=prepared.inputs,
            has_inputs=HAS_INPUTS,
            null_tokens=watched.score.null_tokens,
        )
    except NothingToCompareError as error:
        # The other areas have something to say all the same.
        notes.append(f"drift is not measured: {error}")
        logger.warning("%s", notes[-1])
        return Measured(notes=tuple(notes))
    return Measured(compare_windows(counted, baseline, watched.config.drift), baseline, counted, tuple(notes))


def _read_labels(spark: SparkSession, watched: Watched) -> DataFrame | None:
    """The latest version of the table of late labels; None where the config names none."""
    late = watched.config.labels
    return None if late is None else read_pinned(spark, pin_table(spark, late.table))
