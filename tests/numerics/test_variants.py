"""What config options do to numbers: the same in both frameworks, and exact over ranks where that is promised."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.numerics.children import run_as_ranks
from tests.numerics.conftest import Numbers
from tests.numerics.test_ranks_agree import largest_difference
from tests.numerics.variants import OPTIMIZERS, PRECISIONS, RANKS, TASKS
from tests.numerics.weight_mapping import read_weights

PLAIN = "alone/variants/plain/trained"
MARGIN_LOSSES = {
    "hinge": lambda margins: np.maximum(0, 1 - margins),
    "squared_hinge": lambda margins: np.maximum(0, 1 - margins) ** 2,
    "perceptron": lambda margins: np.maximum(0, -margins),
    "squared_error": lambda margins: (1 - margins) ** 2,
}
LOSSES = (
    "binary",
    "multiclass",
    "smoothed",
    "multilabel",
    "smoothed multilabel",
    "regression",
    "huber",
    "mae",
    "count",
    "quantiles",
    "gaussian",
    "negative_binomial",
    *MARGIN_LOSSES,
)


def losses(run: dict[str, Any]) -> list[float]:
    return [sums["loss"] / sums["weight"] for sums in run["sums"] if sums["weight"]]


def trained(numbers: Numbers, variant: str, part: str = "alone") -> list[np.ndarray]:
    return numbers.weights(f"{part}/variants/{variant}/trained")


def outputs(numbers: Numbers, variant: str, part: str = "alone", when: str = "after") -> np.ndarray:
    with np.load(numbers.folder / part / "variants" / variant / "outputs.npz") as arrays:
        return np.asarray(arrays[when])


@pytest.mark.parametrize("loss", LOSSES)
def test_losses_are_the_same_in_both_frameworks(keras_numbers: Numbers, torch_numbers: Numbers, loss: str) -> None:
    found = torch_numbers.alone["losses"][loss]
    assert found == pytest.approx(keras_numbers.alone["losses"][loss], rel=1e-6, abs=1e-5)
    assert len(set(found)) > 1


def test_losses_by_hand(numbers: Numbers) -> None:
    random = np.random.default_rng(3)
    logits, labels = random.normal(size=(17, 2)).astype(np.float32) * 2, random.integers(0, 2, 17)
    expected = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(17), labels]
    assert numbers.alone["losses"]["binary"] == pytest.approx(expected.tolist(), abs=1e-5)


def test_margin_losses_by_hand(numbers: Numbers) -> None:
    for loss, penalize in MARGIN_LOSSES.items():
        random = np.random.default_rng(4)
        logits, labels = random.normal(size=(17, 5)).astype(np.float32) * 2, random.integers(0, 5, 17)
        sides = np.where(np.arange(5) == labels[:, None], 1, -1)
        expected = penalize(sides * logits).mean(axis=1)
        assert numbers.alone["losses"][loss] == pytest.approx(expected.tolist(), abs=1e-5), loss


@pytest.mark.parametrize("variant", [*OPTIMIZERS, "clip_norm"])
def test_optimizers_are_the_same_in_both_frameworks(
    keras_numbers: Numbers, torch_numbers: Numbers, variant: str
) -> None:
    # Adam's epsilon has another place in Keras, which tiny gradients show.
    tolerance = 5e-3 if "adam" in variant else 1e-5
    keras, torch, plain = trained(keras_numbers, variant), trained(torch_numbers, variant), keras_numbers.weights(PLAIN)
    assert largest_difference(keras, torch) <= tolerance
    assert largest_difference(keras, plain) > 0.01
    assert np.mean(losses(torch_numbers.alone["variants"][variant])[-5:]) < 2.2


@pytest.mark.parametrize("variant", TASKS)
def test_every_task_is_learned_alike_in_both_frameworks(
    keras_numbers: Numbers, torch_numbers: Numbers, variant: str
) -> None:
    keras, torch = (losses(numbers.alone["variants"][variant]) for numbers in (keras_numbers, torch_numbers))
    assert np.mean(torch[-5:]) < np.mean(torch[:5]) - 0.05
    assert torch == pytest.approx(keras, abs=1e-4)
    assert largest_difference(trained(keras_numbers, variant), trained(torch_numbers, variant)) <= 1e-5


def test_each_task_has_its_metrics(numbers: Numbers) -> None:
    found = {variant: set(numbers.alone["variants"][variant]["metrics"]) for variant in TASKS}
    assert {"accuracy", "auc", "f1_macro", "log_loss"} < found["smoothed"]
    assert {"f1_micro", "f1_macro", "auc", "log_loss"} < found["multilabel"]
    assert found["regression"] == {"mae", "rmse", "mape", "r2"}
    assert found["count"] == {"mae", "rmse", "mape", "r2", "poisson_deviance"}
    assert found["quantiles"] == {"pinball", "coverage", "mae", "rmse", "mape", "r2"}


@pytest.mark.parametrize("precision", PRECISIONS)
def test_mixed_precision_learns_and_keeps_float32_weights(numbers: Numbers, precision: str) -> None:
    plain, mixed = numbers.weights(PLAIN), trained(numbers, precision)
    assert {array.dtype for array in mixed} == {np.dtype(np.float32)}
    assert 0 < largest_difference(plain, mixed) < 0.2
    found = losses(numbers.alone["variants"][precision])
    assert np.mean(found[-5:]) < found[0] - 0.4


def test_a_float16_overflow_leaves_the_step_out_and_halves_the_scale(numbers: Numbers) -> None:
    assert numbers.alone["overflow"] == {"is_kept": True, "scale": 2.0**126, "moves": True}


def test_a_float16_scale_goes_below_one(numbers: Numbers) -> None:
    found = numbers.alone["large_counts"]
    assert found["scale"] < 1
    assert found["moves"]


@pytest.mark.parametrize(
    ("part", "variant"), [("alone", "flushed"), ("ranks/0", "accumulated")], ids=["one rank", "two ranks"]
)
def test_accumulated_batches_are_one_large_batch(numbers: Numbers, part: str, variant: str) -> None:
    assert largest_difference(trained(numbers, variant, part), numbers.weights(PLAIN)) <= 1e-5


def test_clipping_is_of_the_global_gradient(numbers: Numbers) -> None:
    assert largest_difference(trained(numbers, "clip_norm"), trained(numbers, "clip_norm", "ranks/0")) <= 1e-5


@pytest.mark.parametrize("variant", RANKS)
def test_ranks_are_bit_identical_once_synchronized(numbers: Numbers, variant: str) -> None:
    first, second = (trained_bytes(numbers, variant, rank) for rank in (0, 1))
    assert first == second
    assert np.array_equal(*(outputs(numbers, variant, f"ranks/{rank}") for rank in (0, 1)))


def trained_bytes(numbers: Numbers, variant: str, rank: int) -> bytes:
    (path,) = (numbers.folder / f"ranks/{rank}/variants/{variant}").glob("trained.*")
    return path.read_bytes()


@pytest.mark.parametrize(("compression", "tolerance"), [("fp16", 2e-3), ("bf16", 2e-2)])
def test_half_the_bytes_on_the_wire_cost_little(numbers: Numbers, compression: str, tolerance: float) -> None:
    assert 0 < largest_difference(trained(numbers, compression, "ranks/0"), numbers.weights(PLAIN)) < tolerance


def test_batch_norm_is_that_of_the_global_batch_only_when_synchronized(numbers: Numbers) -> None:
    alone = outputs(numbers, "apart")
    assert np.ptp(alone) > 1
    assert np.abs(outputs(numbers, "synchronized", "ranks/0") - alone).max() <= 1e-4
    assert np.abs(outputs(numbers, "apart", "ranks/0") - alone).max() > 0.05


def test_moving_statistics_are_averaged_over_ranks(numbers: Numbers) -> None:
    before = [outputs(numbers, "apart", f"ranks/{rank}", "before") for rank in (0, 1)]
    assert not np.array_equal(*before)


@pytest.mark.parametrize("framework", ["torch", pytest.param("keras", marks=pytest.mark.matrix)])
def test_four_ranks_give_the_weights_of_one(request: pytest.FixtureRequest, tmp_path: Path, framework: str) -> None:
    numbers: Numbers = request.getfixturevalue(f"{framework}_numbers")
    run_as_ranks("quarters", framework, tmp_path, 4)
    found = [next((tmp_path / str(rank) / "sgd_smooth").glob("trained.*")) for rank in range(4)]
    assert len({path.read_bytes() for path in found}) == 1
    one = numbers.weights("alone/sgd_smooth/trained")
    assert largest_difference(read_weights(framework, found[0]), one) <= 1e-5
