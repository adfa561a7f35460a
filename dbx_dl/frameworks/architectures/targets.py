"""Which tasks a built-in network learns of which rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbx_dl.frameworks.architectures import ARCHITECTURES

if TYPE_CHECKING:
    from dbx_dl.contracts import TaskName
    from dbx_dl.frameworks.architectures.architecture import Architecture, InputKind

# Tasks whose labels go with some kinds of rows only.
_ROWS: dict[TaskName, tuple[InputKind, ...]] = {"frames": ("text", "steps"), "recommendation": ("histories",)}


def list_learned(architecture: Architecture, kind: InputKind) -> tuple[TaskName, ...]:
    """The tasks that a network learns of rows of a kind: none of a kind that it does not take.

    Steps that are no tokens or numbers have no labels of their own, and of histories items are recommended alone.
    """
    if kind not in architecture.inputs:
        return ()
    return tuple(
        task
        for task in architecture.tasks
        if kind in _ROWS.get(task, (kind,)) and (kind != "histories" or task == "recommendation")
    )


def list_learners(task: TaskName, kind: InputKind | None) -> tuple[str, ...]:
    """The networks that learn a task of rows of a kind, or of any where there are none of it."""
    names = tuple(name for name, entry in ARCHITECTURES.items() if kind and task in list_learned(entry, kind))
    return names or tuple(name for name, entry in ARCHITECTURES.items() if task in entry.tasks)
