"""What a network can be trained for: one object per task says all that differs between tasks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from dbx_dl.tasks.boxes import BoxTask
from dbx_dl.tasks.classes import ClassTask
from dbx_dl.tasks.clustering import ClusteringTask
from dbx_dl.tasks.distributions import GaussianTask, NegativeBinomialTask
from dbx_dl.tasks.frames import FramesTask
from dbx_dl.tasks.generation import GenerationTask
from dbx_dl.tasks.label_sets import LabelSetTask
from dbx_dl.tasks.numbers import CountTask, RegressionTask
from dbx_dl.tasks.quantiles import QuantilesTask
from dbx_dl.tasks.recommendation import RecommendationTask
from dbx_dl.tasks.reconstruction import ReconstructionTask
from dbx_dl.tasks.segmentation import SegmentationTask
from dbx_dl.tasks.sequence import SequenceTask
from dbx_dl.tasks.task import LabelKind, Task, TaskSettings

if TYPE_CHECKING:
    from dbx_dl.contracts import ModelMetadata, OutputKind, Ranking, Target, TaskName

__all__ = ["TASKS", "LabelKind", "Task", "TaskSettings", "label_kind_of", "list_output_kinds", "task_of"]

TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        ClassTask("binary", "a logit for each of two classes", "probabilities, and the likelier class"),
        ClassTask("multiclass", "a logit for each class", "probabilities, and the likeliest class"),
        LabelSetTask(),
        FramesTask(),
        SequenceTask(),
        RegressionTask(),
        CountTask(),
        QuantilesTask(),
        GaussianTask(),
        NegativeBinomialTask(),
        ReconstructionTask(),
        ClusteringTask(),
        GenerationTask(),
        BoxTask(),
        SegmentationTask(),
        RecommendationTask(),
    )
}


class NamedTask(Protocol):
    """A task by name, with what is chosen about it: a `Target`, say."""

    @property
    def task(self) -> TaskName: ...
    @property
    def quantiles(self) -> tuple[float, ...]: ...
    @property
    def grid(self) -> tuple[int, int] | None: ...
    @property
    def num_frames(self) -> int: ...
    @property
    def ranking(self) -> Ranking | None: ...
    @property
    def num_clusters(self) -> int: ...


def task_of(target: NamedTask | TaskName) -> Task:
    """The task of a table's target, or by its name; KeyError for a table without a label."""
    if isinstance(target, str):
        return TASKS[target]
    task = TASKS[target.task]
    if isinstance(task, BoxTask | SegmentationTask) and target.grid is not None:
        return replace(task, grid=target.grid)
    if isinstance(task, RecommendationTask) and target.ranking is not None:
        return replace(task, top_k=target.ranking.top_k)
    if isinstance(task, FramesTask):
        return replace(task, num_frames=target.num_frames)
    if isinstance(task, ClusteringTask):
        return replace(task, num_clusters=target.num_clusters)
    return replace(task, levels=target.quantiles) if isinstance(task, QuantilesTask) and target.quantiles else task


def label_kind_of(target: Target) -> LabelKind:
    """What a row's label is: that of the task, or a class to compare with where clusters are looked for among such."""
    if target.task == "none":
        return "none"
    kind = TASKS[target.task].label_kind
    return "class" if kind == "none" and target.label_names else kind


def list_output_kinds(metadata: ModelMetadata) -> tuple[OutputKind, ...]:
    """What a file gives: the task's own output first, embeddings where it was exported with them."""
    main = task_of(metadata.target).output_kind
    return (main,) if metadata.embeddings is None else (main, "embedding")
