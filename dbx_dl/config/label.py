"""How items get labels: what is asked, which items people see first, what a model may label, and which label holds."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from dbx_dl.config.label_page import LabelPageConfig
from dbx_dl.config.places import normalize_table
from dbx_dl.config.section import Section
from dbx_dl.contracts import LabelSource, LabelTask, Split

QueueStrategy = Literal["least_confident", "margin", "entropy", "diverse", "mix", "random"]
UncertaintyName = Literal["least_confident", "margin", "entropy"]
ResolveMethod = Literal["latest", "majority", "dawid_skene"]


class QueueConfig(Section):
    """Which items are most worth a person's time: `budget` of those that have no label and are not queued yet.

    `table` is where they go, in order. `scores` is a table of predictions by `key`, without it the run's own.
    `strategy`: least_confident, margin and entropy take those that the model is least sure of; diverse those that are
    least like what is labelled; mix those of the `mix_factor` x `budget` with the least margin; random any. What is
    alike is told by `embedding`, a column of arrays of numbers; without it by the model's embeddings where predictions
    have them (`export.embeddings`), else by the probabilities of classes.

    More than `max_candidates` unlabelled items, and as many labelled ones, are not compared with each other: a sample
    is. `renew` queues anew: what is queued and not labelled competes again, by the scores as they are now. `seed`
    decides what is drawn.
    """

    table: str = Field(min_length=1)
    scores: str | None = None
    key: str = "key"
    strategy: QueueStrategy = "mix"
    budget: int = Field(default=100, gt=0, le=100_000)
    mix_factor: int = Field(default=4, ge=1)
    embedding: str | None = None
    max_candidates: int = Field(default=20_000, gt=0)
    renew: bool = False
    seed: int = 0

    @model_validator(mode="after")
    def _compares_enough(self) -> Self:
        if self.strategy in ("diverse", "mix") and self.max_candidates < self.budget:
            raise ValueError(f"max_candidates, {self.max_candidates}, is less than the budget, {self.budget}")
        return self

    @property
    def uncertainty(self) -> UncertaintyName | None:
        """What makes an item worth more; None where nothing but its place or chance does."""
        if self.strategy in ("diverse", "random"):
            return None
        return "margin" if self.strategy == "mix" else self.strategy  # type: ignore[return-value]

    @property
    def is_spread(self) -> bool:
        """Whether chosen items are to be unlike each other."""
        return self.strategy in ("diverse", "mix")


class PseudoConfig(Section):
    """Labels that a model gives alone, of classes that it gets right so often as `precision`.

    Of each class a threshold of probability is fitted on people's labels of held-out items, at which the model's
    precision is at least `precision` with the probability `confidence`; a class without such a threshold gets no
    labels. Held out are the items of these `splits` of the prepared table `held_out`, by its `held_out_key`; without
    `held_out` those of the run's own. `scores` and `key` are as in `queue`. Items whose people saw a suggestion of a
    model do not count, whatever they said, unless `trust_confirmed`: people say yes too easily.
    """

    precision: float = Field(default=0.95, gt=0, lt=1)
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    scores: str | None = None
    key: str = "key"
    held_out: str | None = None
    held_out_key: str = "key"
    splits: tuple[Split, ...] = Field(default=("validation", "test"), min_length=1)
    trust_confirmed: bool = False


class ResolveConfig(Section):
    """Which label of an item holds, of several people's and moments; they go into `table`, for prepare to read.

    Only labels of these `sources` count, and of an item only those of the first that it has labels of: people's before
    rules' before models'. Of each annotator the latest counts. `method` latest: the latest of all. majority: what most
    annotators say; `dawid_skene`: what they say together, each trusted as far as all items tell, for one class an item
    alone. Of boxes and polygons the majority are those that more than half of an item's annotators drew: shapes of one
    label that overlap by `min_overlap` (intersection over union) are taken for the same. An item with a tie is left
    out, or with `ties: frequent` gets the class that is more frequent, and no shape or label of a set that half have.
    Items with fewer than `min_annotators`, or a confidence below `min_confidence`, are left out too.
    """

    table: str = Field(min_length=1)
    method: ResolveMethod = "latest"
    sources: tuple[LabelSource, ...] = Field(default=("human",), min_length=1)
    ties: Literal["leave", "frequent"] = "leave"
    min_annotators: int = Field(default=1, ge=1)
    min_confidence: float = Field(default=0.0, ge=0, le=1)
    min_overlap: float = Field(default=0.5, gt=0, le=1)


class LabelConfig(Section):
    """A project of labels.

    `table` keeps every label that was ever given (`dbx_dl.contracts.LabelEvent`). `task`: `classes` and `text_classes`
    (one of the classes), `label_sets` (any of them), `boxes` or `polygons`. Labels that name none of `classes` are
    refused; without `classes` any name goes. `inbox` is the folder that the page writes to, `label_inbox` below the
    run's directory where it is not given. `items` is a Delta table that has every item, by `items_key`: imported labels
    of other keys are told.
    """

    table: str = Field(min_length=1)
    task: LabelTask
    classes: tuple[str, ...] = ()
    inbox: str | None = None
    items: str | None = None
    items_key: str = "key"
    queue: QueueConfig | None = None
    pseudo: PseudoConfig | None = None
    resolve: ResolveConfig | None = None
    page: LabelPageConfig | None = None

    @model_validator(mode="after")
    def _names_classes_once(self) -> Self:
        if len(set(self.classes)) < len(self.classes):
            raise ValueError("classes name one twice: keep one of them")
        if any(not name or name != name.strip() for name in self.classes):
            raise ValueError("a class is empty or has blanks around it")
        return self

    @model_validator(mode="after")
    def _has_a_table_for_each(self) -> Self:
        parts = {"table": self, "queue.table": self.queue, "resolve.table": self.resolve}
        named: dict[str, str] = {}
        for place, part in parts.items():
            if part is None:
                continue
            first = named.setdefault(normalize_table(part.table), place)
            if first != place:
                raise ValueError(f"`{first}` and `{place}` are both {part.table!r}: give each a table")
        return self

    @model_validator(mode="after")
    def _resolves_its_task(self) -> Self:
        method = self.resolve.method if self.resolve is not None else "latest"
        if self.task in ("label_sets", "boxes", "polygons") and method == "dawid_skene":
            raise ValueError(f"resolve.method 'dawid_skene' is for one class an item: {self.task} have `majority`")
        if self.pseudo is not None and self.task not in ("classes", "text_classes"):
            raise ValueError(f"`pseudo` is for one class an item, and the task is {self.task}")
        if self.page is not None and self.page.order == "queue" and self.queue is None:
            raise ValueError("`page.order: queue` needs `queue`, whose table names the items")
        if self.queue is not None and self.queue.uncertainty is not None and self.task == "polygons":
            raise ValueError("predicted polygons have no probability: set queue.strategy to diverse or random")
        return self
