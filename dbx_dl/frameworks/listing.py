"""What can be trained, for people: the built-in networks with their options, and the tasks."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from dbx_dl.config import Section
from dbx_dl.frameworks.architectures import ARCHITECTURES
from dbx_dl.frameworks.architectures.architecture import ANSWERS, Architecture
from dbx_dl.frameworks.architectures.examples import make_example
from dbx_dl.tasks import TASKS


@dataclass(frozen=True)
class ListedNetwork:
    """A built-in network: the rows it takes, the tasks it learns, its options with defaults, its own loss for classes.

    `gives` says its outputs for `example`, and `num_parameters` how many are trained then.
    """

    name: str
    inputs: tuple[str, ...]
    tasks: tuple[str, ...]
    example: str
    gives: str
    num_parameters: int
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
    return tuple(_list_network(name, entry) for name, entry in ARCHITECTURES.items())


def list_tasks() -> tuple[ListedTask, ...]:
    """The tasks that there are."""
    return tuple(
        ListedTask(task.name, task.network_gives, task.scoring_returns, task.losses, task.metrics)
        for task in TASKS.values()
    )


def tabulate_networks(networks: tuple[ListedNetwork, ...]) -> list[tuple[str, ...]]:
    """A header and a row for each."""
    rows = [
        (n.name, ", ".join(n.inputs), _tell_tasks(n), _tell_example(n), _tell_options(n), n.summary) for n in networks
    ]
    return [("network", "takes", "learns", "for instance", "options", "what it is"), *rows]


def tabulate_tasks(tasks: tuple[ListedTask, ...]) -> list[tuple[str, ...]]:
    """A header and a row for each."""
    rows = [(t.name, t.outputs, t.scores, ", ".join(t.losses), ", ".join(t.metrics)) for t in tasks]
    return [("task", "the network gives", "scoring returns", "losses", "metrics"), *rows]


def as_values(listed: tuple[ListedNetwork, ...] | tuple[ListedTask, ...]) -> list[dict[str, Any]]:
    """The same as JSON values."""
    return [asdict(entry) for entry in listed]


def _list_network(name: str, entry: Architecture) -> ListedNetwork:
    example, loss = make_example(name, entry), entry.loss or "cross_entropy"
    facts = (example.rows, example.gives, example.num_parameters)
    return ListedNetwork(name, entry.inputs, entry.tasks, *facts, _list_options(entry.options), loss, entry.summary)


def _tell_example(network: ListedNetwork) -> str:
    return f"{network.example} → {network.gives}; {network.num_parameters:,} parameters"


def _tell_tasks(network: ListedNetwork) -> str:
    """Most networks answer with a few numbers for a row, which the tasks of several names do: said in two words."""
    others = [task for task in network.tasks if task not in ANSWERS]
    return ", ".join(["classes", "numbers", *others] if set(ANSWERS) <= {*network.tasks} else network.tasks)


def _tell_options(network: ListedNetwork) -> str:
    return ", ".join(f"{name}={value}" for name, value in network.options.items())


def _list_options(options: type[Section]) -> dict[str, Any]:
    return {name: field.default for name, field in options.model_fields.items()}
