"""The eight activation functions: values at and around their break points, and gradients."""

from __future__ import annotations

import numpy as np
import pytest

from dbx_dl.frameworks.activations import ACTIVATIONS, ActivationName

BREAKS: dict[ActivationName, dict[float, float]] = {
    "unit_step": {-1e-9: 0, 0: 0.5, 1e-9: 1, -1000: 0, 1000: 1},
    "sign": {-1e-9: -1, 0: 0, 1e-9: 1, -1000: -1, 1000: 1},
    "linear": {-1000: -1000, 0: 0, 3: 3},
    "piecewise_linear": {-0.51: 0, -0.5: 0, 0: 0.5, 0.25: 0.75, 0.5: 1, 0.51: 1},
    "logistic": {-1000: 0, 0: 0.5, 1000: 1},
    "tanh": {-1000: -1, 0: 0, 1000: 1},
    "relu": {-1000: 0, 0: 0, 2.5: 2.5},
    "softplus": {-1000: 0, 0: float(np.log(2)), 1000: 1000},
}
STEPS = ("unit_step", "sign")


def test_all_eight_are_there() -> None:
    assert set(ACTIVATIONS) == set(BREAKS)


@pytest.mark.parametrize("name", list(BREAKS))
def test_values_are_exact_where_they_break(name: ActivationName) -> None:
    z = np.array(list(BREAKS[name]), dtype=np.float64)
    with np.errstate(over="raise", invalid="raise"):
        assert ACTIVATIONS[name].apply(z).tolist() == pytest.approx(list(BREAKS[name].values()), abs=0, rel=1e-15)


@pytest.mark.parametrize("name", [name for name in BREAKS if name not in STEPS])
def test_gradients_are_those_of_the_functions(name: ActivationName) -> None:
    z = np.linspace(-3.01, 3.03, 200)
    slopes = (ACTIVATIONS[name].apply(z + 1e-6) - ACTIVATIONS[name].apply(z - 1e-6)) / 2e-6
    np.testing.assert_allclose(ACTIVATIONS[name].gradient(z), slopes, atol=1e-6)


@pytest.mark.parametrize(("name", "slope"), [("unit_step", 0.5), ("sign", 1.0)])
def test_steps_pass_gradients_straight_through_near_0(name: ActivationName, slope: float) -> None:
    gradient = ACTIVATIONS[name].gradient(np.array([-1.01, -1, 0, 0.3, 1, 1.01]))
    assert gradient.tolist() == [0, slope, slope, slope, slope, 0]
