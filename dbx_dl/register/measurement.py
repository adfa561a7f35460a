"""Versions of a model on the same pinned test rows: metrics with intervals, groups, and how long they take."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from typing import TYPE_CHECKING

from dbx_dl.contracts import Estimate, MeasuredGroup, MeasuredModel
from dbx_dl.errors import ConfigError, DataError
from dbx_dl.metrics import (
    SHARES,
    Resamples,
    resample_models,
    share_interval,
)
from dbx_dl.register.fairness import check_fairness, measure_fairness
from dbx_dl.register.groups import split_groups
from dbx_dl.register.latency import measure_latency
from dbx_dl.runtime.tables import read_pinned, require_columns
from dbx_dl.score.evaluation import measure_predictions, predict_split, read_predictions
from dbx_dl.score.model.session import open_model
from dbx_dl.tasks import TASKS, Task, task_of
from dbx_dl.tasks.clustering import OF_CLASSES

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import SparkSession

    from dbx_dl.config import RegisterConfig
    from dbx_dl.contracts import PreparedTable
    from dbx_dl.score.model.model_file import ModelFile

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class PredictedRows:
    """A version's file and its predictions of the test rows, in key order."""

    version: int
    file: ModelFile
    rows: pa.Table


def choose_metric(prepared: PreparedTable, config: RegisterConfig) -> str:
    """The deciding metric; ConfigError where it, or one that is limited, is none of the table's task.

    Also where it compares clusters with classes, and the table has none.
    """
    task = TASKS.get(prepared.target.task)
    known = task.metrics if task is not None else ()
    metric = config.metric or (task.default_metric if task is not None else "")
    for name in (metric, *config.limits, *(group.metric or metric for group in config.groups)):
        if name not in known:
            choices = ", ".join(known) or "-"
            raise ConfigError(f"{name or 'nothing'} is no metric of task {prepared.target.task}: choose from {choices}")
        if name in OF_CLASSES and not prepared.target.label_names:
            raise ConfigError(f"registry: {name} compares clusters with classes: table {prepared.table.name} has none")
    return metric


def check_groups(spark: SparkSession, prepared: PreparedTable, config: RegisterConfig) -> None:
    """DataError when the table lacks a column of `config.groups` or `config.fairness`; errors of `check_fairness`."""
    check_fairness(prepared, config.fairness)
    columns = _list_group_columns(config)
    if columns:
        require_columns(read_pinned(spark, prepared.table), columns, f"table {prepared.table.name}")


def predict_rows(
    spark: SparkSession, version: int, file: ModelFile, prepared: PreparedTable, config: RegisterConfig
) -> PredictedRows:
    """Score the pinned test rows with a version's file on Spark; DataError when it does not fit the table."""
    columns = _list_group_columns(config)
    return PredictedRows(version, file, predict_split(spark, str(file.path), prepared, "test", columns=columns))


def _list_group_columns(config: RegisterConfig) -> list[str]:
    named = [group.column for group in config.groups]
    return list(dict.fromkeys([*named, *(config.fairness.read_columns if config.fairness else ())]))


def measure_models(
    predicted: Sequence[PredictedRows], present: int | None, prepared: PreparedTable, config: RegisterConfig
) -> list[MeasuredModel]:
    """Everything about each version, in the given order; differences are to version `present` where it is among them.

    Of lists of items as many count as the version with the shortest ones gives. DataError when a metric that decides or
    is limited is undefined on these rows, or a group column has too many values.
    """
    _require_same_rows(predicted, prepared)
    prepared = _cut_lists(predicted, prepared)
    metric = choose_metric(prepared, config)
    read = {part.version: read_predictions(part.rows, prepared) for part in predicted}
    task = task_of(prepared.target)
    values = {version: task.measure(*rows) for version, rows in read.items()}
    _require_defined(values, (metric, *config.limits))
    names = _list_metrics(values, metric, config)
    resamples = resample_models(
        task.weigh,
        read[predicted[0].version][0],
        {version: outputs for version, (_, outputs) in read.items()},
        names,
        num_resamples=config.num_resamples,
        confidence=config.confidence,
        seed=config.seed,
    )
    latencies = measure_latency({p.version: open_model(p.file.path, p.file.sha256) for p in predicted}, prepared)
    return [
        MeasuredModel(
            version=part.version,
            sha256=part.file.sha256,
            metrics={
                name: _estimate(part, name, values[part.version][name], resamples, config, task) for name in names
            },
            differences=_compare(part.version, present, values, names, resamples),
            groups=tuple(_measure_groups(part, prepared, metric, config)),
            fairness=measure_fairness(part.rows, prepared, config.fairness) if config.fairness else None,
            latency=latencies[part.version],
        )
        for part in predicted
    ]


def _cut_lists(predicted: Sequence[PredictedRows], prepared: PreparedTable) -> PreparedTable:
    """The table with lists of items that are no longer than those of any version."""
    ranking = prepared.target.ranking
    if ranking is None:
        return prepared
    targets = [open_model(part.file.path, part.file.sha256).metadata.target for part in predicted]
    lengths = {
        part.version: task_of(target).row_shape(target)[0] for part, target in zip(predicted, targets, strict=True)
    }
    least = min(lengths.values())
    if set(lengths.values()) != {least}:
        listed = ", ".join(f"version {version} {length}" for version, length in sorted(lengths.items()))
        logger.warning("lists have different lengths (%s): the first %d items of each are compared", listed, least)
    target = prepared.target.model_copy(update={"ranking": ranking.model_copy(update={"top_k": least})})
    return prepared.model_copy(update={"target": target})


def _list_metrics(values: Mapping[int, Mapping[str, float]], metric: str, config: RegisterConfig) -> list[str]:
    """The deciding metric, those with a limit, then the others that every version has.

    The area under the curve takes a sort of all rows for every class and resample: only where it is asked for.
    """
    asked = list(dict.fromkeys((metric, *config.limits)))
    others = [name for name in next(iter(values.values())) if name not in asked and name != "auc"]
    return asked + [name for name in others if all(name in found for found in values.values())]


def _estimate(
    part: PredictedRows, name: str, value: float, resamples: Resamples, config: RegisterConfig, task: Task
) -> Estimate:
    num_rows = part.rows.num_rows
    # Steps of a row are no rows of their own, which an exact interval asks for.
    if name in SHARES and task.output_kind != "frames":
        low, high = share_interval(round(value * num_rows), num_rows, config.confidence)
    else:
        low, high = resamples.interval(part.version, name)
    return Estimate(value=value, low=_known(low), high=_known(high))


def _compare(
    version: int,
    present: int | None,
    values: Mapping[int, Mapping[str, float]],
    names: Sequence[str],
    resamples: Resamples,
) -> dict[str, Estimate]:
    if present is None or present == version or present not in values:
        return {}
    found = {}
    for name in names:
        low, high = resamples.interval_of_difference(version, present, name)
        difference = values[version][name] - values[present][name]
        found[name] = Estimate(value=difference, low=_known(low), high=_known(high))
    return found


def _measure_groups(
    part: PredictedRows, prepared: PreparedTable, metric: str, config: RegisterConfig
) -> list[MeasuredGroup]:
    found = []
    for limit in config.groups:
        name = limit.metric or metric
        for group, rows in split_groups(part.rows, limit.column):
            value = measure_predictions(rows, prepared).get(name)
            found.append(
                MeasuredGroup(column=limit.column, group=group, metric=name, num_rows=rows.num_rows, value=value)
            )
    return found


def _require_same_rows(predicted: Sequence[PredictedRows], prepared: PreparedTable) -> None:
    keys = predicted[0].rows.column(prepared.key_column)
    for part in predicted[1:]:
        if not part.rows.column(prepared.key_column).equals(keys):
            raise DataError(f"versions {predicted[0].version} and {part.version} were not scored on the same rows")


def _require_defined(values: Mapping[int, Mapping[str, float]], metrics: Sequence[str]) -> None:
    for name in metrics:
        if any(name not in found for found in values.values()):
            raise DataError(f"{name} is undefined on the test split, which lacks rows of some label")


def _known(value: float) -> float | None:
    return None if isnan(value) else value
