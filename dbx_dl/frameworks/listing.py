"""What can be trained, for people: the built-in networks with their options, and the tasks."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from dbx_dl.config import Section
from dbx_dl.frameworks.architectures import ARCHITECTURES
from dbx_dl.tasks import TASKS


@dataclass(frozen=True)
class ListedNetwork:
    """A built-in network: the rows it takes, its options with their defaults, its own loss for classes."""

    name: str
    inputs: tuple[str, ...]
    options: dict[str, Any]
    loss: str
    summary: str


@dataclass(frozen=True)
class ListedTask:
    """A task: what a network gives, what scoring returns, its losses and metrics."""

    name: str
    outputs: str
    scores: str
    losses: tuple[str, ...]
    metrics: tuple[str, ...]


def list_networks() -> tuple[ListedNetwork, ...]:
    """The built-in networks, the same in every framework."""
    return tuple(
        ListedNetwork(name, entry.inputs, _list_options(entry.options), entry.loss or "cross_entropy", entry.summary)
        for name, entry in ARCHITECTURES.items()
    )


def list_tasks() -> tuple[ListedTask, ...]:
    """The tasks that there are."""
    return tuple(
        ListedTask(task.name, task.network_gives, task.scoring_returns, task.losses, task.metrics)
        for task in TASKS.values()
    )


def tabulate_networks(networks: tuple[ListedNetwork, ...]) -> list[tuple[str, ...]]:
    """A header and a row for each."""
    rows = [
        (n.name, ", ".join(n.inputs), ", ".join(f"{key}={value}" for key, value in n.options.items()), n.summary)
        for n in networks
    ]
    return [("network", "takes", "options", "what it is"), *rows]


def tabulate_tasks(tasks: tuple[ListedTask, ...]) -> list[tuple[str, ...]]:
    """A header and a row for each."""
    rows = [(t.name, t.outputs, t.scores, ", ".join(t.losses), ", ".join(t.metrics)) for t in tasks]
    return [("task", "the network gives", "scoring returns", "losses", "metrics"), *rows]


def as_values(listed: tuple[ListedNetwork, ...] | tuple[ListedTask, ...]) -> list[dict[str, Any]]:
    """The same as JSON values."""
    return [asdict(entry) for entry in listed]


def _list_options(options: type[Section]) -> dict[str, Any]:
    return {name: field.default for name, field in options.model_fields.items()}
