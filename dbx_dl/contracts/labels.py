"""What somebody said of an item: one label event, the unit in which labels are written, kept and withdrawn."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, AwareDatetime, Field, model_validator

from dbx_dl.contracts.contract import Contract
from dbx_dl.contracts.tables import TableVersion

LabelTask = Literal["classes", "label_sets", "boxes", "polygons", "text_classes"]
LabelSource = Literal["human", "rule", "model"]

LABEL_TASKS: tuple[LabelTask, ...] = ("classes", "label_sets", "boxes", "polygons", "text_classes")
LABEL_SOURCES: tuple[LabelSource, ...] = ("human", "rule", "model")
# Moments that every reader of a table can tell, whatever its zone.
_YEARS = (1900, 9998)
# What decimal fractions may add up to beyond 1.
_EDGE = 1 + 1e-6
# x, y of three points.
_FEWEST_NUMBERS = 6


def _as_utc(moment: datetime) -> datetime:
    if not _YEARS[0] <= moment.year <= _YEARS[1]:
        raise ValueError(f"the year {moment.year} is none from {_YEARS[0]} to {_YEARS[1]}")
    return moment.astimezone(UTC)


def _require_text(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{text!r} has half of a character, which cannot be stored") from None
    if not text:
        raise ValueError("it is empty")
    return text


def _require_name(name: str) -> str:
    if name != name.strip():
        raise ValueError(f"{name!r} has blanks around it")
    return _require_text(name)


def _require_points(points: tuple[float, ...]) -> tuple[float, ...]:
    if len(points) < _FEWEST_NUMBERS or len(points) % 2:
        raise ValueError(f"a polygon is x, y of three points or more, got {len(points)} numbers")
    if not all(math.isfinite(number) and 0 <= number <= _EDGE for number in points):
        raise ValueError("a polygon's numbers are shares of the image's sides, from 0 to 1")
    return points


Key = Annotated[str, AfterValidator(_require_text)]
Name = Annotated[str, AfterValidator(_require_name)]
Share = Annotated[float, Field(ge=0, le=1)]
Utc = Annotated[AwareDatetime, AfterValidator(_as_utc)]


class LabelBox(Contract):
    """A box around an object: x, y of the left upper corner, width, height, in shares of the upright image's sides."""

    label: Name
    x: Share
    y: Share
    width: float = Field(gt=0, le=1)
    height: float = Field(gt=0, le=1)

    @model_validator(mode="after")
    def _is_inside(self) -> Self:
        if self.x + self.width > _EDGE or self.y + self.height > _EDGE:
            raise ValueError("a box ends within the image: x + width and y + height are 1 at most")
        return self


class LabelPolygon(Contract):
    """The outline of an object: x, y, x, y, … of three points or more, in shares of the upright image's sides."""

    label: Name
    points: Annotated[tuple[float, ...], AfterValidator(_require_points)]


class LabelEvent(Contract):
    """One row of a labels table, one line of an inbox: a label, or the withdrawal of one. Events are never changed.

    `label_id` names the event for good, a UUID: an event that comes twice is written once. `item_key` is the item's key
    in the table that it comes from. A label is in `labels` (tasks `classes` and `text_classes`: exactly one;
    `label_sets`: distinct ones, sorted, also none), in `boxes` or in `polygons` (also none: nothing is there). An event
    with `withdraws`, the id of a label, has none of these: that label counts as never said. `annotator` is a person, a
    rule or a model, as `source` says; `confidence` is a probability. `was_suggested`: a person confirmed what a model
    suggested; `had_suggestion`: a suggestion was shown, whatever the person said then (None where that is not known,
    as of older rows). `batch_id` names labels that were written together and can be withdrawn together.
    """

    label_id: Name
    item_key: Key
    task: LabelTask
    labels: tuple[Name, ...] = ()
    boxes: tuple[LabelBox, ...] = ()
    polygons: tuple[LabelPolygon, ...] = ()
    annotator: Name
    source: LabelSource = "human"
    confidence: Share | None = None
    was_suggested: bool = False
    labelled_at: Utc
    batch_id: Name | None = None
    withdraws: Name | None = None
    # The last column: tables without it get it behind the others.
    had_suggestion: bool | None = None

    @model_validator(mode="after")
    def _has_its_tasks_label(self) -> Self:
        given = [name for name in ("labels", "boxes", "polygons") if getattr(self, name)]
        if self.withdraws is not None:
            if given:
                raise ValueError(f"an event that withdraws a label has no {given[0]}")
            return self
        own = self.task if self.task in ("boxes", "polygons") else "labels"
        for name in given:
            if name != own:
                raise ValueError(f"the task {self.task} has its label in `{own}`, not in `{name}`")
        if self.task in ("classes", "text_classes") and len(self.labels) != 1:
            raise ValueError(f"the task {self.task} has exactly one label, got {len(self.labels)}")
        if tuple(sorted(set(self.labels))) != self.labels:
            raise ValueError(f"labels are distinct and sorted, got {', '.join(self.labels)}")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """The distinct classes that the label speaks of, sorted."""
        shapes = (*(box.label for box in self.boxes), *(polygon.label for polygon in self.polygons))
        return tuple(sorted({*self.labels, *shapes}))


class WrittenLabels(Contract):
    """What a write to a labels table did: `num_new` events joined it, `num_known` were in it already.

    `num_refused` could not be used; `problems` are sentences about them, the first ones.
    """

    table: TableVersion
    num_new: int
    num_known: int = 0
    num_refused: int = 0
    problems: tuple[str, ...] = ()


class QueuedItems(Contract):
    """What a queue of items to label got: `num_queued` items, of `num_left` that have no label and no place yet.

    `num_compared` of these were compared with each other; `num_unknown` have no numbers to judge by. `alike_by` is
    the column that tells what is alike, None where that is not asked.
    """

    table: TableVersion
    queue_id: str
    strategy: str
    num_queued: int
    num_wanted: int
    num_left: int
    num_compared: int
    num_unknown: int = 0
    alike_by: str | None = None

    def list_reductions(self) -> list[str]:
        """Sentences about what is less than was asked for."""
        found = []
        if self.num_queued < self.num_wanted:
            found.append(
                f"{self.num_queued} items are queued, {self.num_wanted} were asked for: {self.num_left} have no label "
                "and are not queued already"
            )
        if self.strategy == "diverse" and self.num_compared < self.num_left:
            found.append(f"{self.num_compared} of {self.num_left} items were compared with each other, a sample")
        if self.num_unknown:
            found.append(f"{self.num_unknown} items have no numbers to judge by: they are not queued")
        if self.alike_by == "probabilities":
            found.append(
                "what is alike is told by the probabilities of classes: predictions have no column `embedding` "
                "(set export.embeddings, or label.queue.embedding)"
            )
        return found


class AnnotatorAgreement(Contract):
    """Two annotators on the `num_items` items that both labelled.

    `share` of equal labels; of boxes and polygons the mean overlap. `kappa` is Cohen's, None where it is not defined.
    """

    first: str
    second: str
    num_items: int
    share: float
    kappa: float | None = None


class LabelAgreement(Contract):
    """How far the annotators of a task agree, on the `num_shared` of `num_items` items that two or more labelled.

    `fleiss_kappa` is None where it is not defined, `accuracies` tell how often each annotator is right, by Dawid and
    Skene; they are there for classes alone.
    """

    task: LabelTask
    num_items: int
    num_shared: int
    pairs: tuple[AnnotatorAgreement, ...]
    fleiss_kappa: float | None = None
    accuracies: dict[str, float] = Field(default_factory=dict)

    def tabulate(self) -> list[list[str]]:
        """A header, and a row for every two annotators."""
        shown = [[p.first, p.second, str(p.num_items), f"{p.share:.3f}", _show(p.kappa)] for p in self.pairs]
        alike = "overlap" if self.task in ("boxes", "polygons") else "share alike"
        return [["annotator", "annotator", "items", alike, "Cohen's kappa"], *shown]


class ResolvedLabels(Contract):
    """The labels that hold: `num_items` items in `table`, from the pinned labels table `labels`.

    `source_items` counts them by source; `left_out` counts items without a label by reason.
    """

    table: TableVersion
    labels: TableVersion
    task: LabelTask
    method: str
    num_items: int
    source_items: dict[str, int]
    left_out: dict[str, int] = Field(default_factory=dict)


class PseudoThreshold(Contract):
    """From which probability on a model's label of a class is taken; None where no threshold is good enough.

    Of `num_held_out` held-out items of that prediction `num_above` have the probability, and `num_right` of these the
    label; `precision_low` is the lower bound of their share.
    """

    label: str
    threshold: float | None
    num_held_out: int
    num_above: int = 0
    num_right: int = 0
    precision_low: float = 0.0


class PseudoLabels(Contract):
    """Labels that a model gave: `written` to the labels table under `batch_id`, with a threshold for every class."""

    written: WrittenLabels
    batch_id: str
    model: str
    thresholds: tuple[PseudoThreshold, ...]

    def tabulate(self) -> list[list[str]]:
        """A header, and a row for every class."""
        rows = [
            [
                t.label,
                _show(t.threshold),
                str(t.num_held_out),
                f"{t.num_right} of {t.num_above}",
                f"{t.precision_low:.3f}",
            ]
            for t in self.thresholds
        ]
        return [["class", "from", "held out", "right above", "at least"], *rows]


def _show(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
