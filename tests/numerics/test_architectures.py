"""Every built-in network is the same in Keras, PyTorch and ONNX: parameters, and outputs for the same weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from dbx_dl.frameworks.architectures import ARCHITECTURES, describe_network
from dbx_dl.frameworks.architectures.architecture import ANSWERS, InputKind, input_kind
from dbx_dl.frameworks.architectures.targets import list_learned
from dbx_dl.frameworks.audio_layers import LogMel
from dbx_dl.frameworks.interface import NetworkRequest
from dbx_dl.frameworks.layers import count_parameters
from dbx_dl.tasks import TASKS
from tests.numerics.architectures import NUM_ROWS, REQUESTS, is_padded, make_inputs
from tests.numerics.children import run_alone
from tests.numerics.test_frameworks_agree import open_session
from tests.unit.transforms.test_log_mel import measure_with_scipy

# Each kind of rows that there is, and each kind of answer, once or more.
QUICK = (
    "resnet",
    "text_cnn",
    "image_captioner",
    "text_and_columns",
    "audio_cnn",
    "lstm_step_frames",
    "two_tower",
    "detector",
    "unet",
    "denoising_autoencoder",
    "gan",
    "deep_gaussian_mixture",
)
SLOW = tuple(key for key in REQUESTS if key not in QUICK)
FRAMEWORKS = ("keras", "torch")


def test_every_network_is_compared() -> None:
    assert {request.network for request in REQUESTS.values()} == set(ARCHITECTURES)


def test_every_kind_of_rows_and_answers_is_compared_quickly() -> None:
    quick = [REQUESTS[key] for key in QUICK]
    assert {input_kind(request) for request in quick} == set(get_args(InputKind))
    assert {name_answer(request) for request in quick} == {"answers" if task in ANSWERS else task for task in TASKS}


def name_answer(request: NetworkRequest) -> str:
    """The task that a request is for, or that it is for one of those that are answered by a few numbers of a row."""
    if request.num_frames:
        return "frames"
    tasks = list_learned(ARCHITECTURES[request.network], input_kind(request) or "table")
    return "answers" if tasks[0] in ANSWERS else tasks[0]


@pytest.fixture(scope="module", params=[QUICK, pytest.param(SLOW, marks=pytest.mark.matrix)], ids=["quick", "slow"])
def networks(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What each framework wrote of some networks; `wanted.json` lists them."""
    folders = {framework: tmp_path_factory.mktemp(framework) for framework in FRAMEWORKS}
    for framework, folder in folders.items():
        (folder / "wanted.json").write_text(json.dumps(request.param))
        run_alone("architectures", framework, folder)
    return folders


def test_parameters_are_as_described(networks: dict[str, Path]) -> None:
    for folder in networks.values():
        for key, num_parameters in json.loads((folder / "networks.json").read_text()).items():
            request = REQUESTS[key]
            layers = tuple(layer for _, layer in describe_network(request))
            assert (key, num_parameters) == (key, count_parameters(layers, request.input_shape))


def test_both_frameworks_give_the_same_logits(networks: dict[str, Path]) -> None:
    for key in json.loads((networks["keras"] / "networks.json").read_text()):
        keras, torch = (np.load(networks[framework] / f"{key}.npy") for framework in FRAMEWORKS)
        assert keras.shape == (NUM_ROWS, REQUESTS[key].num_outputs)
        assert np.ptp(keras, axis=0).max() > 0.01, key
        np.testing.assert_allclose(torch, keras, atol=1e-5, rtol=1e-5, err_msg=key)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_padding_changes_nothing(networks: dict[str, Path], framework: str) -> None:
    folder = networks[framework]
    texts = [key for key in json.loads((folder / "networks.json").read_text()) if is_padded(REQUESTS[key])]
    assert texts
    for key in texts:
        logits, others = np.load(folder / f"{key}.npy"), np.load(folder / f"{key}.padding.npy")
        np.testing.assert_array_equal(logits, others, err_msg=key)
        if REQUESTS[key].num_frames:
            continue
        short = np.load(folder / f"{key}.short.npy")
        np.testing.assert_allclose(short, logits[: len(short)], atol=1e-6, err_msg=key)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_sounds_become_scipys_features(networks: dict[str, Path], framework: str) -> None:
    for key in json.loads((networks[framework] / "networks.json").read_text()):
        if REQUESTS[key].sample_rate:
            _, layer = describe_network(REQUESTS[key])[0]
            assert isinstance(layer, LogMel)
            expected = np.stack([measure_with_scipy(samples, layer.plan) for samples in make_inputs(key)])
            features = np.load(networks[framework] / f"{key}.features.npy")
            np.testing.assert_allclose(features.reshape(expected.shape), expected, atol=1e-5, err_msg=key)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_onnx_gives_the_networks_logits(networks: dict[str, Path], framework: str) -> None:
    folder = networks[framework]
    for key in json.loads((folder / "networks.json").read_text()):
        session, inputs = open_session(folder / f"{key}.onnx"), make_inputs(key)
        logits = np.load(folder / f"{key}.npy")
        for num_rows in (1, NUM_ROWS):
            (found,) = session.run(["logits"], {"inputs": inputs[:num_rows]})
            np.testing.assert_allclose(found, logits[:num_rows], atol=1e-5, rtol=1e-5, err_msg=key)
