"""What the lists of networks and tasks say of each."""

from __future__ import annotations

from dbx_dl.frameworks.architectures import ARCHITECTURES
from dbx_dl.frameworks.listing import list_networks, tabulate_networks


def test_every_network_says_what_it_takes_gives_and_trains() -> None:
    networks = list_networks()
    assert [network.name for network in networks] == list(ARCHITECTURES)
    assert all(
        network.inputs and network.tasks and network.gives and network.num_parameters > 0 for network in networks
    )


def test_parameters_are_those_of_the_example() -> None:
    found = {network.name: network for network in list_networks()}
    assert found["logistic_regression"].num_parameters == 32 * 10 + 10
    # Two convolutions of 3x3 with 32 and 64 kernels, pooling, and dense layers of 128 and 10.
    convnet = 32 * 10 + 64 * (9 * 32 + 1) + 128 * (7 * 7 * 64 + 1) + 10 * 129
    assert found["convnet"].num_parameters == convnet
    _, first, *_ = tabulate_networks(networks := list_networks())
    assert f"{networks[0].num_parameters:,} parameters" in first[3]


def test_tasks_are_named_or_said_in_two_words() -> None:
    found = {name: tasks for name, _, tasks, *_ in tabulate_networks(list_networks())}
    assert found["convnet"] == "classes, numbers"
    assert found["lstm"] == "classes, numbers, frames, recommendation"
    assert (found["markov_chain"], found["detector"]) == ("binary, multiclass", "boxes")
