"""What a training that makes images is checked by before a table with noise is there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dbx_dl.config import TrainConfig
from dbx_dl.contracts import FeatureSpec
from dbx_dl.errors import ConfigError
from dbx_dl.tasks.retargeting import retarget
from dbx_dl.train.noise import expect_noise
from dbx_dl.train.run import check_request
from tests.prepared_tables import IMAGES, describe

TABLE = describe(Path("t"), 0, {"train": 5}, IMAGES, ("a", "b"))


def config(**options: Any) -> TrainConfig:
    return TrainConfig(network="gan", task="generation", network_options=options)


def test_inputs_are_as_many_numbers_as_the_network_takes() -> None:
    for options, size in (({}, 32), ({"noise_size": 7}, 7)):
        found = expect_noise(retarget(TABLE, "generation"), config(**options))
        assert isinstance(found.inputs, FeatureSpec)
        assert (found.inputs.columns, found.inputs.num_encoded) == (("noise",), size)
        check_request(found, config(**options), "keras")


def test_tables_of_other_tasks_stay_as_they_are() -> None:
    assert expect_noise(TABLE, TrainConfig(network="convnet")) is TABLE


@pytest.mark.parametrize(
    ("options", "message"),
    [({"noise_size": 0}, "option 'noise_size': .*greater than 0"), ({"noise": 3}, "option 'noise' is unknown")],
)
def test_wrong_options_are_explained(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check_request(expect_noise(retarget(TABLE, "generation"), config(**options)), config(**options), "torch")
