"""Learning rates by step, against closed forms and PyTorch's schedulers."""

from __future__ import annotations

import json
import math
import subprocess
import sys

import pytest

from dbx_dl.config import OptimizerConfig
from dbx_dl.train.schedule import Schedule, create_schedule

TORCH_RATES = """
import json, warnings, torch
warnings.simplefilter("ignore")
from torch.optim import lr_scheduler as schedulers

def rates(make, num_steps, steps_per_call=1):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    scheduler, found = make(optimizer), []
    for step in range(num_steps):
        found.append(optimizer.param_groups[0]["lr"])
        if (step + 1) % steps_per_call == 0:
            scheduler.step()
    return found

def plateau_rates():
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    scheduler, found = schedulers.ReduceLROnPlateau(optimizer, factor=0.5, patience=1, threshold=0), []
    for loss in [5, 4, 4, 4, 3, 3, 3, 3, 3, 2]:
        found.append(optimizer.param_groups[0]["lr"])
        scheduler.step(loss)
    return found

print(json.dumps({
    "cosine": rates(lambda o: schedulers.CosineAnnealingLR(o, 20), 20),
    "step": rates(lambda o: schedulers.StepLR(o, 2, 0.3), 30, 5),
    "one_cycle": rates(lambda o: schedulers.OneCycleLR(o, 0.1, total_steps=40), 40),
    "plateau": plateau_rates(),
}))
"""


def make(num_epochs: int = 4, steps_per_epoch: int = 5, num_ranks: int = 1, **optimizer: object) -> Schedule:
    config = OptimizerConfig(learning_rate=0.1, **optimizer)  # type: ignore[arg-type]
    return create_schedule(config, num_epochs, steps_per_epoch, num_ranks)


def rates(num_epochs: int = 4, steps_per_epoch: int = 5, **optimizer: object) -> list[float]:
    schedule = make(num_epochs, steps_per_epoch, **optimizer)  # type: ignore[arg-type]
    return [schedule.learning_rate(step) for step in range(num_epochs * steps_per_epoch)]


@pytest.fixture(scope="module")
def torch_rates() -> dict[str, list[float]]:
    found = subprocess.run([sys.executable, "-c", TORCH_RATES], capture_output=True, text=True, check=True, timeout=120)
    return json.loads(found.stdout)  # type: ignore[no-any-return]


def test_constant_is_constant() -> None:
    assert rates() == [0.1] * 20


def test_warmup_rises_in_equal_steps_to_the_peak() -> None:
    found = rates(warmup_epochs=1)
    assert found[:5] == pytest.approx([0.02, 0.04, 0.06, 0.08, 0.1])
    assert found[5:] == [0.1] * 15


def test_cosine_falls_from_the_peak_and_never_reaches_zero() -> None:
    found = rates(decay="cosine", warmup_epochs=1)
    assert found[5] == 0.1
    assert found[5:] == sorted(found[5:], reverse=True)
    assert 0 < found[-1] < 0.002
    assert found[12] == pytest.approx(0.1 * 0.5 * (1 + math.cos(math.pi * 7 / 15)), rel=1e-6)


def test_warmup_longer_than_the_run_stays_below_the_peak() -> None:
    found = rates(num_epochs=2, warmup_epochs=10, decay="cosine")
    assert found == sorted(found)
    assert found[-1] == pytest.approx(0.02)


def test_schedules_are_pytorchs(torch_rates: dict[str, list[float]]) -> None:
    assert rates(decay="cosine") == pytest.approx(torch_rates["cosine"])
    assert rates(6, decay="step", decay_epochs=2, decay_factor=0.3) == pytest.approx(torch_rates["step"])
    assert rates(8, decay="one_cycle") == pytest.approx(torch_rates["one_cycle"])


def test_plateau_falls_as_pytorchs_does(torch_rates: dict[str, list[float]]) -> None:
    schedule, best, found = make(decay="plateau", decay_epochs=2, decay_factor=0.5), math.inf, []
    for loss in [5, 4, 4, 4, 3, 3, 3, 3, 3, 2]:
        found.append(schedule.learning_rate(7))
        schedule.consider(loss < best)
        best = min(best, loss)
    assert found == pytest.approx(torch_rates["plateau"])
    assert len(set(found)) == 4


def test_steps_count_after_the_warmup() -> None:
    found = rates(decay="step", decay_epochs=1, decay_factor=0.5, warmup_epochs=1)
    assert found[5:] == pytest.approx([0.1] * 5 + [0.05] * 5 + [0.025] * 5)


@pytest.mark.parametrize("num_epochs", [1, 2, 3])
def test_one_cycle_rises_over_the_warmup_and_stays_above_zero(num_epochs: int) -> None:
    found = rates(num_epochs, 5, decay="one_cycle", warmup_epochs=1)
    assert found[4] == max(found) == 0.1
    assert min(found) > 0
    assert found[4:] == sorted(found[4:], reverse=True)


def test_short_cycles_are_defined() -> None:
    for num_steps in (1, 2, 3, 4):
        assert all(0 < rate <= 0.1 for rate in rates(1, num_steps, decay="one_cycle"))


def test_the_peak_is_scaled_to_the_ranks() -> None:
    assert [make(num_ranks=4, rate_scaling=how).peak for how in ("none", "sqrt", "linear")] == [0.1, 0.2, 0.4]
    assert make(num_ranks=4, rate_scaling="linear", warmup_epochs=1).learning_rate(0) == pytest.approx(0.4 / 5)


def test_a_restored_schedule_goes_on_where_it_was() -> None:
    config = {"decay": "plateau", "decay_epochs": 2, "decay_factor": 0.5}
    first, second = make(**config), make(**config)  # type: ignore[arg-type]
    for is_better in (True, False, False, False):
        first.consider(is_better)
    second.restore(json.loads(json.dumps(first.read_state())))
    for schedule in (first, second):
        schedule.consider(False)
    assert first.learning_rate(3) == second.learning_rate(3) == pytest.approx(0.025)
