"""Networks of recordings say which features they compute, and which recordings are too short for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dbx_dl.errors import ConfigError
from dbx_dl.frameworks.architectures import check_network, describe_network
from dbx_dl.frameworks.audio_layers import LogMel
from dbx_dl.frameworks.interface import NetworkRequest
from dbx_dl.frameworks.layers import count_parameters, shape_after
from dbx_dl.frameworks.requests import network_request
from dbx_dl.tasks import TASKS
from dbx_dl.transforms.log_mel import list_bands
from tests.prepared_tables import RECORDINGS, describe


def request(num_samples: int = 16000, rate: int = 16000, network: str = "audio_cnn", **options: Any) -> NetworkRequest:
    return NetworkRequest(network, options, (num_samples,), "int16", 5, 0, sample_rate=rate)


def test_a_second_becomes_frames_of_bands() -> None:
    layers = tuple(layer for _, layer in describe_network(request()))
    first = layers[0]
    assert isinstance(first, LogMel) and (first.plan.window, first.plan.hop) == (400, 160)
    assert first.shape_after((16000,)) == (98, 40, 1) and first.plan.highest_hz == 8000
    assert first.num_parameters((16000,)) == 0
    assert shape_after(layers, (16000,)) == (5,)
    # Kernels and biases of three convolutions; 5 bands of 64 channels into 128, and these into 5.
    assert count_parameters(layers, (16000,)) == 10 * 16 + 145 * 32 + 289 * 64 + (320 + 1) * 128 + 129 * 5


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (request(300), "frames of 400 samples are longer than recordings of 300"),
        (request(1200), "1200 samples are too few frames for 3 poolings"),
        (request(lowest_hz=9000), "bands must rise from lowest_hz to highest_hz, at most 8000 Hz"),
        (request(highest_hz=9000), "at most 8000 Hz"),
        (request(num_mels=200), "bands hold no frequency: lower num_mels"),
        (request(num_mels=3), "option 'num_mels'"),
        (request(network="convnet"), "takes images, not recordings of shape .*: 'audio_cnn' takes them"),
    ],
)
def test_what_does_not_fit_is_told(asked: NetworkRequest, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        check_network(asked)


@pytest.mark.parametrize("network", ["gru", "transformer"])
@pytest.mark.parametrize(("rate", "most"), [(16000, 40), (1000, 39)])
def test_networks_without_the_option_lower_the_number_of_bands(network: str, rate: int, most: int) -> None:
    layers = tuple(layer for _, layer in describe_network(request(rate, rate, network)))
    (features,) = (layer for layer in layers if isinstance(layer, LogMel))
    assert 8 <= features.plan.num_mels <= most
    assert list_bands(features.plan).any(axis=0).all()
    assert shape_after(layers, (rate,)) == (5,)


def test_requests_of_tables_have_the_sample_rate() -> None:
    prepared = describe(Path("nowhere"), 0, {"train": 1}, RECORDINGS, ("low", "high"))
    found = network_request(prepared, "audio_cnn", {}, 1)
    assert (found.input_shape, found.input_dtype, found.sample_rate) == ((800,), "int16", 8000)
    assert TASKS["multiclass"].count_outputs(prepared.target) == found.num_outputs == 2
