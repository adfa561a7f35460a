"""Shapes and numbers of parameters of layers, and the published sizes of networks made of them."""

from __future__ import annotations

import numpy as np
import pytest

from dbx_dl.frameworks.architectures import describe_network
from dbx_dl.frameworks.history_layers import Columns, ItemTower, SumEmbedding
from dbx_dl.frameworks.interface import NetworkRequest
from dbx_dl.frameworks.layers import (
    Conv2D,
    Dense,
    Flatten,
    GlobalAverage,
    Layer,
    MaxPool2D,
    RandomFourier,
    Recurrent,
    Reshape,
    SelfAttention,
    count_parameters,
    shape_after,
)
from dbx_dl.frameworks.random_layers import Corrupt, Mark, Sample
from dbx_dl.frameworks.token_layers import (
    Conv1D,
    Embedding,
    LastToken,
    MaxOverTokens,
    ReverseTokens,
    SideBySide,
    TokenPositions,
)


@pytest.mark.parametrize(
    ("layer", "before", "after", "num_parameters"),
    [
        (Conv2D(8, 3), (10, 7, 2), (8, 5, 8), (9 * 2 + 1) * 8),
        (Conv2D(8, 3, padding=1, stride=2, has_bias=False), (10, 7, 2), (5, 4, 8), 9 * 2 * 8),
        (Conv2D(8, 5, padding=2), (19, 19, 48), (19, 19, 8), (25 * 48 + 1) * 8),
        (MaxPool2D(), (7, 6, 3), (3, 3, 3), 0),
        (Dense(5), (4, 3), (4, 5), 20),
        (Flatten(), (4, 3, 2), (24,), 0),
        (Reshape((6, 4)), (4, 3, 2), (6, 4), 0),
        (GlobalAverage(), (4, 3, 2), (2,), 0),
        (Recurrent("rnn", 5), (7, 3), (5,), 5 * (3 + 5 + 1)),
        (Recurrent("lstm", 5, returns_steps=True), (7, 3), (7, 5), 4 * 5 * (3 + 5 + 1)),
        (Recurrent("gru", 5, is_bidirectional=True), (7, 3), (10,), 2 * 3 * 5 * (3 + 5 + 2)),
        (SelfAttention(2), (7, 6), (7, 6), 4 * 7 * 6),
        (Columns(2), (7,), (5,), 0),
        (Columns(0, 3), (7,), (3,), 0),
        (SumEmbedding(9, 4), (3,), (4,), 36),
        (ItemTower(8, 4, 5, ((0,) * 8,), (3,)), (6,), (8,), (8 + 3) * 4 + 5 * 5 + 6 * 6 + 8),
        (Corrupt(0.1, 0.2), (7,), (7,), 0),
        (Sample(), (8,), (4,), 0),
        (Mark("code"), (8,), (8,), 0),
        (Embedding(20, 6), (7,), (7, 6), 120),
        (Conv1D(8, 4), (7, 6), (7, 8), (4 * 6 + 1) * 8),
        (TokenPositions(7), (7, 6), (7, 6), 42),
        (MaxOverTokens(), (7, 6), (6,), 0),
        (LastToken(), (7, 6), (6,), 0),
        (ReverseTokens(), (7, 6), (7, 6), 0),
        (SideBySide(((Dense(5),), (Dense(2), Dense(3)))), (7, 6), (7, 8), 35 + 14 + 9),
    ],
)
def test_shapes_and_parameters(
    layer: Layer, before: tuple[int, ...], after: tuple[int, ...], num_parameters: int
) -> None:
    assert layer.shape_after(before) == after
    assert layer.num_parameters(before) == num_parameters


def test_a_reshape_must_keep_all_numbers() -> None:
    with pytest.raises(ValueError, match=r"\(4, 3\) does not have as many entries as \(5,\)"):
        Reshape((5,)).shape_after((4, 3))


def test_random_features_stand_for_a_gaussian_kernel() -> None:
    layer = RandomFourier(20_000, 0.3, 5)
    frequencies, phases = layer.draw(4)
    rows = np.random.default_rng(1).normal(size=(10, 4))
    features = np.cos(rows @ frequencies + phases) * (2 / 20_000) ** 0.5
    distances = ((rows[:, None] - rows[None]) ** 2).sum(axis=-1)
    np.testing.assert_allclose(features @ features.T, np.exp(-0.3 * distances), atol=0.04)
    assert np.array_equal(layer.draw(4)[0], frequencies)
    assert (layer.shape_after((4,)), layer.num_parameters((4,))) == ((20_000,), 0)


def test_alphagos_policy_network_has_its_published_size() -> None:
    # k = 192: 5x5 over 48 planes, eleven layers of 3x3, a 1x1 kernel, and a bias for each of the 361 points.
    layers = describe(NetworkRequest("go_policy", {}, (19 * 19 * 48,), "float32", 361, 0))
    published = (25 * 48 + 1) * 192 + 11 * (9 * 192 + 1) * 192 + 192 + 361
    assert count_parameters(layers, (17328,)) == published == 3_882_793
    assert shape_after(layers, (17328,)) == (361,)


def test_the_first_demos_perceptron_has_its_size() -> None:
    layers = describe(NetworkRequest("mlp", {"hidden_units": 512}, (784,), "float32", 10, 0))
    assert count_parameters(layers, (784,)) == 785 * 512 + 513 * 512 + 513 * 10 == 669_706


def describe(request: NetworkRequest) -> tuple[Layer, ...]:
    """The layers alone."""
    return tuple(layer for _, layer in describe_network(request))
