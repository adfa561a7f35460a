"""What each network says that it learns: every task is learned by some, and refused by the others before a start."""

from __future__ import annotations

from typing import get_args

import pytest

from dbx_dl.contracts import TaskName
from dbx_dl.frameworks.architectures import ARCHITECTURES
from dbx_dl.frameworks.architectures.architecture import ANSWERS, InputKind
from dbx_dl.frameworks.architectures.targets import list_learned, list_learners
from dbx_dl.tasks import TASKS


def test_every_task_is_learned_and_every_network_learns_one_of_each_kind_of_rows() -> None:
    assert {task for entry in ARCHITECTURES.values() for task in entry.tasks} == set(TASKS)
    for name, entry in ARCHITECTURES.items():
        found = {kind: list_learned(entry, kind) for kind in get_args(InputKind)}
        assert {kind for kind, tasks in found.items() if tasks} == set(entry.inputs), name
        assert {task for tasks in found.values() for task in tasks} == set(entry.tasks), name


@pytest.mark.parametrize(
    ("network", "kind", "tasks"),
    [
        ("lstm", "histories", ("recommendation",)),
        ("lstm", "text", (*ANSWERS, "frames")),
        ("transformer", "steps", (*ANSWERS, "frames")),
        ("gru", "images", ANSWERS),
        ("mlp", "histories", ()),
        ("markov_chain", "table", ("binary", "multiclass")),
    ],
)
def test_tasks_go_with_kinds_of_rows(network: str, kind: InputKind, tasks: tuple[TaskName, ...]) -> None:
    assert list_learned(ARCHITECTURES[network], kind) == tasks


def test_learners_are_those_of_the_rows_or_where_there_are_none_all() -> None:
    assert list_learners("boxes", "images") == list_learners("boxes", "table") == ("detector",)
    assert list_learners("count", "audio") == ("rnn", "lstm", "gru", "transformer", "audio_cnn")
