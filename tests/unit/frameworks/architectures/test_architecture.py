"""Options of the built-in networks, the inputs that they take, and the names of their layers."""

from __future__ import annotations

from typing import Any

import pytest

from dbx_dl.errors import ConfigError
from dbx_dl.frameworks.architectures import ARCHITECTURES, check_network, describe_network
from dbx_dl.frameworks.architectures.architecture import name_layers, read_options
from dbx_dl.frameworks.architectures.convolutional import ConvnetOptions
from dbx_dl.frameworks.architectures.dense import MlpOptions
from dbx_dl.frameworks.interface import NetworkRequest
from dbx_dl.frameworks.layers import Activation, Conv2D, Dense, MaxPool2D, Recurrent, Residual


def request(network: str = "mlp", **options: Any) -> NetworkRequest:
    """A request for rows of 30 features."""
    return NetworkRequest(network, options, (30,), "float32", 2, 0)


def test_options_have_defaults_and_take_values() -> None:
    assert read_options(request(), MlpOptions) == MlpOptions(hidden_units=64, num_layers=2, dropout=0.0)
    assert read_options(request(hidden_units=8, dropout=0.5), MlpOptions).hidden_units == 8
    assert read_options(request("convnet"), ConvnetOptions) == ConvnetOptions(dropout=0.25, activation="relu")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hidden": 3}, r"'mlp': option 'hidden' is unknown; .*valid options: activation, dropout, hidden_units, num"),
        ({"hidden_unit": 3}, r"did you mean 'hidden_units'\?"),
        ({"dropout": 1.0}, r"option 'dropout': Input should be less than 1 \(got 1\.0\)"),
        ({"hidden_units": 0}, r"option 'hidden_units': .*greater than 0 \(got 0\)"),
        ({"num_layers": "two"}, r"option 'num_layers': .*integer.* \(got 'two'\)"),
        ({"activation": "sigmoid"}, r"option 'activation': .*'logistic', 'tanh'.* \(got 'sigmoid'\)"),
    ],
)
def test_wrong_options_are_explained(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check_network(request(**options))


@pytest.mark.parametrize(
    ("network", "shape", "dtype", "options", "message"),
    [
        ("mpl", (30,), "float32", {}, r"unknown network 'mpl'; did you mean 'mlp'\?"),
        ("convnet", (30,), "float32", {}, r"takes images, not table rows of shape \(30,\) .*: 'mlp' takes both"),
        ("go_policy", (8, 8, 3), "uint8", {}, r"takes table rows, not images of shape \(8, 8, 3\)"),
        ("lstm", (8, 8), "int32", {}, r"takes images or .* or numbers by step, not inputs of shape \(8, 8\)"),
        ("convnet", (8, 8), "float32", {}, r"not numbers by step of shape \(8, 8\) .*: 'lstm' takes them"),
        ("gru", (8, 3), "float32", {"num_steps": 4}, "numbers by step have their own steps; leave num_steps out"),
        ("text_cnn", (8, 3), "float32", {}, "takes texts, not numbers by step"),
        ("convnet", (8, 3, 3), "uint8", {}, "at least 4x4 pixels, got 8x3"),
        ("deep_convnet", (8, 7, 3), "uint8", {}, "at least 8x8 pixels, got 8x7"),
        ("lstm", (30,), "float32", {}, "'lstm' needs the option num_steps for table rows"),
        ("lstm", (30,), "float32", {"num_steps": 7}, "30 encoded features are not 7 equal steps"),
        ("gru", (8, 8, 1), "uint8", {"num_steps": 7}, "an image's steps are its rows; leave num_steps out"),
        ("gru", (8,), "int32", {"num_steps": 4}, "a text's steps are its tokens; leave num_steps out"),
        ("text_cnn", (8, 8, 1), "uint8", {}, "takes texts, not images of shape"),
        ("two_tower", (8,), "int32", {}, r"takes histories of items, not texts of shape \(8,\)"),
        ("mlp", (8,), "int32", {}, r"takes table rows or images, not texts of shape \(8,\) .*: 'text_cnn' takes them"),
        (
            "text_cnn",
            (8,),
            "int32",
            {"widths": "3;4"},
            "'widths' must be numbers of tokens such as \"3,4,5\", got '3;4'",
        ),
        ("transformer", (8, 8, 1), "uint8", {"width": 30}, "width 30 must be a multiple of num_heads 4"),
        ("go_policy", (30,), "float32", {}, r"takes 17328 numbers \(19x19 points of 48 planes\).*has \(30,\) numbers"),
    ],
)
def test_a_network_that_cannot_be_built_is_found_without_a_framework(
    network: str, shape: tuple[int, ...], dtype: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        check_network(NetworkRequest(network, options, shape, dtype, 2, 0))


def test_a_text_beside_columns_has_a_network_of_its_own() -> None:
    rows = ((30,), "float32", 2, 0, 50)
    check_network(NetworkRequest("text_and_columns", {}, *rows, num_text_steps=20))
    with pytest.raises(ConfigError, match=r"not texts beside other columns .*: 'text_and_columns' takes them"):
        check_network(NetworkRequest("mlp", {}, *rows, num_text_steps=20))
    with pytest.raises(ConfigError, match="takes texts beside other columns, not table rows"):
        check_network(NetworkRequest("text_and_columns", {}, *rows[:-1]))


def test_a_users_own_network_is_left_to_the_ranks() -> None:
    check_network(request("no_such_module:build"))
    with pytest.raises(ConfigError, match=r"network 'a b:' must be written as 'package\.module:function'"):
        check_network(request("a b:"))
    check_network(request("mlp", num_layers=3))


def test_layers_are_named_by_what_they_are_and_counted() -> None:
    layers = (Conv2D(4, 3), Activation("relu"), MaxPool2D(), Conv2D(4, 3), Activation("tanh"), Recurrent("gru", 2))
    names = ["conv2d_1", "relu_1", "max_pool2d_1", "conv2d_2", "tanh_1", "gru_1"]
    assert [name for name, _ in name_layers((*layers, Residual((Dense(3),))))] == [*names, "residual_1"]
    assert describe_network(request())[-1] == ("logits", Dense(2))


def test_every_network_says_in_a_line_what_it_is() -> None:
    for name, architecture in ARCHITECTURES.items():
        assert architecture.summary.endswith((".", "logits.")), name
        assert architecture.inputs
