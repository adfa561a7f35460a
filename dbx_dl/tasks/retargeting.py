"""Another task on the labels of a table that was prepared for one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbx_dl.contracts import ImageSpec, Target
from dbx_dl.errors import ConfigError, DataError
from dbx_dl.tasks import TASKS, task_of
from dbx_dl.tasks.clustering import ClusteringTask
from dbx_dl.tasks.quantiles import QuantilesTask

if TYPE_CHECKING:
    from dbx_dl.config import TrainConfig
    from dbx_dl.contracts import PreparedTable, TaskName
    from dbx_dl.tasks.task import Task


def aim(prepared: PreparedTable, config: TrainConfig) -> PreparedTable:
    """The table with the task of a training, and what that is to predict; errors as of `retarget`."""
    aimed = retarget(prepared, config.task, config.quantiles or (), config.num_clusters)
    ranking = aimed.target.ranking
    if aimed.target.task != "recommendation" or ranking is None:
        return aimed
    changed = ranking.model_copy(update={"top_k": config.top_items})
    return aimed.model_copy(update={"target": aimed.target.model_copy(update={"ranking": changed})})


def retarget(
    prepared: PreparedTable, name: TaskName | None, quantiles: tuple[float, ...] = (), num_clusters: int | None = None
) -> PreparedTable:
    """The table with `name` as its task, of these `quantiles` or clusters where it predicts such; as it is without one.

    A task that needs no labels goes with every table, others with tables of their kind of labels. ConfigError for
    others, and between classes, which the table alone decides; DataError for labels that the task cannot have.
    """
    target = prepared.target
    if name is None or name == target.task:
        return prepared
    task = task_of(name)
    if isinstance(task, ClusteringTask):
        return _look_for_clusters(prepared, num_clusters or task.num_clusters)
    if task.label_kind == "none":
        return prepared.model_copy(update={"target": Target(task=name, column=target.column)})
    if task.label_kind == "image":
        return _aim_at_images(prepared, name)
    found = TASKS[target.task].label_kind if target.task in TASKS else "none"
    if task.label_kind != found or found == "class":
        choices = [known for known in TASKS if _goes_with(TASKS[known], prepared)]
        raise ConfigError(
            f"train.task {name!r} does not go with table {prepared.table.name}, which is prepared for {target.task}: "
            f"leave it out{' or choose one of ' + ', '.join(choices) if choices else ''}"
        )
    _check_labels(task, prepared)
    levels = quantiles or task.levels if isinstance(task, QuantilesTask) else ()
    changes = {"task": name, "quantiles": levels}
    return prepared.model_copy(update={"target": target.model_copy(update=changes)})


def _look_for_clusters(prepared: PreparedTable, num_clusters: int) -> PreparedTable:
    """Classes of the table stay known, for clusters to be compared with."""
    known = prepared.target
    names = known.label_names if known.is_classification else ()
    target = Target(task="clustering", column=known.column, label_names=names, num_clusters=num_clusters)
    return prepared.model_copy(update={"target": target})


def _aim_at_images(prepared: PreparedTable, name: TaskName) -> PreparedTable:
    """The table's images are what is to be given; what they are given of comes with the network."""
    inputs = prepared.inputs
    if not isinstance(inputs, ImageSpec):
        raise ConfigError(f"train.task {name!r} takes images: table {prepared.table.name} has rows of columns")
    return prepared.model_copy(update={"target": Target(task=name, column=inputs.column, image=inputs)})


def _goes_with(task: Task, prepared: PreparedTable) -> bool:
    own = prepared.target.task
    is_alike = own in TASKS and TASKS[own].label_kind == task.label_kind != "class"
    return task.name != own and (is_alike or task.label_kind == "none")


def _check_labels(task: Task, prepared: PreparedTable) -> None:
    for profile in prepared.statistics.profiles:
        if profile.column != prepared.target.column or profile.minimum is None or task.least_label is None:
            continue
        if profile.minimum < task.least_label:
            raise DataError(
                f"train.task {task.name!r} takes labels of {task.least_label:g} or more: "
                f"{profile.column} of table {prepared.table.name} has {profile.minimum:g}"
            )
