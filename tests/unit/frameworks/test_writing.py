"""Networks that write go with the task that asks for it, and no others do."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbx_dl.config import TrainConfig
from dbx_dl.contracts import PreparedTable, Target, TextFeature, TextSpec
from dbx_dl.errors import ConfigError
from dbx_dl.frameworks.architectures import check_network, describe_network
from dbx_dl.frameworks.decoder_layers import AttentionDecoder
from dbx_dl.frameworks.interface import NetworkRequest
from dbx_dl.frameworks.requests import check_objective, network_request, objective_request
from tests.prepared_tables import SPEC, describe

GIVEN = TextFeature(column="written", pattern=r"\w+", max_length=5, vocabulary=("a", "b"))
TEXT = TextFeature(column="label", pattern=r"\w+", max_length=3, vocabulary=("x", "y", "z"))


@pytest.fixture
def prepared() -> PreparedTable:
    """A table of texts with a text each to be written."""
    changes = {"inputs": TextSpec(text=GIVEN), "target": Target(task="sequence", column="label", text=TEXT)}
    return describe(Path("t"), 0, {"train": 5}, SPEC, ()).model_copy(update=changes)


def test_the_decoder_has_the_sizes_of_the_labels(prepared: PreparedTable) -> None:
    request = network_request(prepared, "encoder_decoder", {"units": 7, "embedding_width": 4}, 0)
    assert (request.num_outputs, request.num_words, request.num_tokens) == (6, 5, 4)
    _, decoder = describe_network(request)[-1]
    assert decoder == AttentionDecoder(num_ids=5, num_steps=3, width=4, units=7)
    assert objective_request(prepared, TrainConfig(network="encoder_decoder")).task == "sequence"


def test_others_write_nothing(prepared: PreparedTable) -> None:
    with pytest.raises(ConfigError, match="'lstm' writes no texts, as the task sequence asks: use 'encoder_decoder'"):
        check_network(network_request(prepared, "lstm", {}, 0))
    with pytest.raises(ConfigError, match="'encoder_decoder' writes texts: it goes with the task sequence"):
        check_network(NetworkRequest("encoder_decoder", {}, (5,), "int32", 2, 0, 4))
    with pytest.raises(ConfigError, match="'image_captioner' takes images, not texts"):
        check_network(network_request(prepared, "image_captioner", {}, 0))


def test_what_does_not_go_with_the_task_is_refused(prepared: PreparedTable) -> None:
    check_objective(prepared, TrainConfig(network="encoder_decoder", best_metric="word_error_rate"))
    with pytest.raises(ConfigError, match=r"'mine:build' is not for the task sequence .* choose 'encoder_decoder'"):
        check_objective(prepared, TrainConfig(network="mine:build"))
    with pytest.raises(ConfigError, match="label_smoothing is not for the task sequence"):
        check_objective(prepared, TrainConfig(network="encoder_decoder", label_smoothing=0.1))
