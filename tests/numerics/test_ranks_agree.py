"""Two ranks with batch B train as one rank with batch 2B does, and stay bit-identical with each other."""

from __future__ import annotations

import numpy as np
import pytest

from tests.numerics.conftest import Numbers

RANK_0 = "ranks/0/sgd_smooth/"


def largest_difference(some: list[np.ndarray], others: list[np.ndarray]) -> float:
    """Over all arrays of two lists."""
    return max(float(np.abs(one - other).max()) for one, other in zip(some, others, strict=True))


def test_two_ranks_give_the_weights_of_one_with_twice_the_batch(numbers: Numbers) -> None:
    start, one, two = (
        numbers.weights(name) for name in ("alone/sgd_smooth/same", "alone/sgd_smooth/trained", RANK_0 + "trained")
    )
    assert len(one) == 6
    assert largest_difference(start, one) > 0.01
    assert largest_difference(one, two) <= 1e-5


@pytest.mark.parametrize("name", ["sgd_smooth/trained", "sgd_convnet/trained", "broadcast"])
def test_ranks_are_bit_identical(numbers: Numbers, name: str) -> None:
    assert numbers.weight_bytes(f"ranks/0/{name}") == numbers.weight_bytes(f"ranks/1/{name}")


@pytest.mark.parametrize(("network", "tolerance"), [("smooth", 1e-5), ("convnet", 1e-2)])
def test_local_sums_of_ranks_add_up_to_those_of_one_rank(numbers: Numbers, network: str, tolerance: float) -> None:
    one_rank = numbers.alone["sgd"][network]["sums"]
    shares = [numbers.rank(rank)["sgd"][network]["sums"] for rank in (0, 1)]
    assert {"weight", "sample_weight", "loss", "accuracy"} == set(one_rank[0])
    for metric in ("weight", "loss"):
        for one, *parts in zip(one_rank, *shares, strict=True):
            assert sum(part[metric] for part in parts) == pytest.approx(one[metric], rel=tolerance), metric


def test_ranks_have_uneven_weights_in_the_last_batch(numbers: Numbers) -> None:
    assert [numbers.rank(rank)["sgd"]["smooth"]["sums"][-1]["weight"] for rank in (0, 1)] == [14.5, 4.0]


def test_accuracy_has_the_weights_of_samples_and_the_loss_those_of_training(numbers: Numbers) -> None:
    found = numbers.alone["weighted"]
    assert found["sums"]["weight"] == 32 * 3
    assert found["sums"]["sample_weight"] == sum(range(32))
    # A row's weight is its number.
    assert found["sums"]["accuracy"] == sum(found["hits"]) > 0


def test_step_is_traced_once(numbers: Numbers) -> None:
    assert [numbers.alone["sgd"]["smooth"]["num_traces"], numbers.rank(1)["sgd"]["smooth"]["num_traces"]] == [1, 1]


def test_broadcast_gives_every_rank_the_state_of_rank_0(numbers: Numbers) -> None:
    first, second = (numbers.rank(rank)["broadcast"] for rank in (0, 1))
    assert first["before"] != second["before"]
    assert first["before"] == first["after"] == second["after"]


def test_plain_loops_average_over_ranks(numbers: Numbers) -> None:
    assert numbers.rank(0)["fitted"] == numbers.rank(1)["fitted"]
    assert numbers.rank(0)["iterations"] == 12


def test_missing_gradients_count_as_zeros_and_weights_divide(numbers: Numbers) -> None:
    # Gradients 1 and 2 with weights 1 and 3: (1 + 2) / 4; present on the second rank only: 2 / 4; on none: untouched.
    for rank in (0, 1):
        assert numbers.rank(rank)["missing"] == [-0.75, -0.5, 0.0]


def test_torch_refuses_a_step_with_a_closure(torch_numbers: Numbers) -> None:
    assert "closure cannot be distributed" in torch_numbers.rank(0)["closure"]


@pytest.mark.parametrize("rank", [0, 1])
def test_collectives(numbers: Numbers, rank: int) -> None:
    found = numbers.rank(rank)["collectives"]
    assert found["sum"] == ["float64", [1, 2], [[3.0, 1.0]]]
    assert found["sum_of_scalar"] == ["float64", [], 3.0]
    assert found["sum_of_nothing"] == ["float64", [0, 2], []]
    assert found["broadcast"] == ["uint32", [1, 1], [[1]]]
    assert found["broadcast_scalar"] == ["float64", [], 1 / 3]
    rows = found["gather_rows"]
    assert rows["float32"] == ["float32", [3, 2], [[2.0, 2.0]] * 3]  # the first rank has none
    assert rows["float64"] == ["float64", [3], [1 / 3 + 1, 1 / 3 + 2, 1 / 3 + 2]]
    assert rows["int64"] == ["int64", [3], [2**60 + 1, 2**60 + 2, 2**60 + 2]]
    assert rows["bool"] == ["bool", [3, 2], [[True, False]] * 3]
    assert rows["text"] == ["<U3", [3], ["k1", "k2", "k2"]]
    assert rows["nothing"] == ["float32", [0, 4], []]
