"""Options of the built-in networks and the inputs that they take."""

from __future__ import annotations

from typing import Any

import pytest

from dbx_dl.errors import ConfigError
from dbx_dl.frameworks.architectures import (
    ConvnetOptions,
    MlpOptions,
    check_network,
    read_convnet_options,
    read_mlp_options,
)
from dbx_dl.frameworks.interface import NetworkRequest


def request(network: str = "mlp", **options: Any) -> NetworkRequest:
    """A request for rows of 30 features."""
    return NetworkRequest(network, options, (30,), "float32", 2, 0)


def test_options_have_defaults_and_take_values() -> None:
    assert read_mlp_options(request()) == MlpOptions(hidden_units=64, num_layers=2, dropout=0.0)
    assert read_mlp_options(request(hidden_units=8, dropout=0.5)).hidden_units == 8
    assert read_convnet_options(NetworkRequest("convnet", {}, (4, 4, 1), "uint8", 2, 0)) == ConvnetOptions(dropout=0.25)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hidden": 3}, r"'mlp': option 'hidden' is unknown; .*valid options: dropout, hidden_units, num_layers"),
        ({"hidden_unit": 3}, r"did you mean 'hidden_units'\?"),
        ({"dropout": 1.0}, r"option 'dropout': Input should be less than 1 \(got 1\.0\)"),
        ({"hidden_units": 0}, r"option 'hidden_units': .*greater than 0 \(got 0\)"),
        ({"num_layers": "two"}, r"option 'num_layers': .*integer.* \(got 'two'\)"),
    ],
)
def test_wrong_options_are_explained(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_mlp_options(request(**options))


def test_inputs_must_be_of_the_networks_kind() -> None:
    with pytest.raises(ConfigError, match=r"takes images, not table rows of shape \(30,\) .*: use 'mlp'"):
        read_convnet_options(request("convnet"))
    with pytest.raises(ConfigError, match=r"takes table rows, not images of shape \(8, 8, 3\) .*: use 'convnet'"):
        read_mlp_options(NetworkRequest("mlp", {}, (8, 8, 3), "uint8", 2, 0))
    with pytest.raises(ConfigError, match="at least 4x4 pixels, got 8x3"):
        read_convnet_options(NetworkRequest("convnet", {}, (8, 3, 3), "uint8", 2, 0))


@pytest.mark.parametrize(
    ("network", "message"),
    [
        ("mpl", r"unknown network 'mpl'; did you mean 'mlp'\?"),
        ("convnet", r"'convnet' takes images, not table rows"),
    ],
)
def test_a_network_that_cannot_be_built_is_found_without_a_framework(network: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check_network(request(network))


def test_a_users_own_network_is_left_to_the_ranks() -> None:
    check_network(request("no_such_module:build"))
    check_network(request("mlp", num_layers=3))
