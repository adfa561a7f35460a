"""Integrated gradients: complete, exact for what is linear, and as captum has them; Grad-CAM's weighting."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dbx_dl.explain.methods.grad_cam import enlarge_maps, weigh_activations
from dbx_dl.explain.methods.integrated_gradients import integrate_gradients


def bend(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """sin(a) * b + max(c, 0)^2 and its gradient; further entries do nothing."""
    a, b, c = values[:, 0], values[:, 1], np.maximum(values[:, 2], 0)
    gradient = np.zeros(values.shape)
    gradient[:, 0], gradient[:, 1], gradient[:, 2] = np.cos(a) * b, np.sin(a), 2 * c
    return np.sin(a) * b + c**2, gradient


@given(st.integers(0, 10_000))
def test_contributions_are_complete_and_idle_entries_have_none(seed: int) -> None:
    random = np.random.default_rng(seed)
    values, baselines = random.normal(size=(2, 6, 5)).astype(np.float32)
    shares = integrate_gradients(values, baselines, lambda _, at: bend(at), num_steps=8, max_steps=512, tolerance=1e-3)
    difference = bend(values)[0] - bend(baselines)[0]
    np.testing.assert_allclose(shares.contributions.sum(axis=1) + shares.gaps, difference, atol=1e-5)
    assert (np.abs(shares.gaps) <= 1e-3 * np.maximum(np.abs(difference), 1e-3) + 1e-5).mean() > 0.99
    np.testing.assert_array_equal(shares.contributions[:, 3:], 0)


def test_a_linear_score_is_exact_with_one_step() -> None:
    weights, values = np.array([1.0, -2.0]), np.array([[3.0, 4.0]], np.float32)
    shares = integrate_gradients(
        values, np.zeros_like(values), lambda _, at: (at @ weights, np.tile(weights, (len(at), 1))),
        num_steps=1, max_steps=1, tolerance=0.01,
    )  # fmt: skip
    np.testing.assert_allclose(shares.contributions, [[3, -8]])
    assert (shares.scores[0], shares.base[0]) == (-5, 0)


def test_a_kink_is_walked_in_more_steps_than_a_line() -> None:
    asked: list[int] = []

    def kink(rows: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        asked.extend(rows.tolist())
        is_on = (rows == 1)[:, None] * (at > 0.613)
        return (is_on * 50 * (at - 0.613) + at)[:, 0], (is_on * 50.0 + 1.0)

    values = np.ones((2, 1), np.float32)
    shares = integrate_gradients(values, 0 * values, kink, num_steps=4, max_steps=512, tolerance=0.002)
    assert asked.count(1) > 2 * asked.count(0)
    assert abs(shares.gaps[1]) <= 0.002 * abs(shares.scores[1])


def test_grad_cam_weighs_channels_by_their_mean_gradient() -> None:
    activations = np.zeros((1, 2, 2, 2), np.float32)
    activations[0, 0, 0, 0], activations[0, 1, 1, 1] = 2.0, 3.0
    gradients = np.stack([np.full((2, 2), 0.5), np.full((2, 2), -1.0)], axis=-1)[None]
    np.testing.assert_allclose(weigh_activations(activations, gradients)[0], [[1.0, 0.0], [0.0, 0.0]])
    enlarged = enlarge_maps(weigh_activations(activations, gradients), 6, 4)
    assert enlarged.shape == (1, 6, 4) and enlarged[0, 0, 0] == enlarged.max() > 0
