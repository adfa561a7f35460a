"""The weights file that a training starts from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dbx_dl.contracts import TrainedModel
from dbx_dl.errors import ConfigError, DataError
from dbx_dl.train.checkpoint_files import digest_file

if TYPE_CHECKING:
    from dbx_dl.config import StartConfig, TrainConfig


def resolve_start(config: TrainConfig) -> TrainConfig:
    """The config with an absolute path of start weights, since ranks may run in another folder."""
    if config.start is None:
        return config
    path = str(Path(config.start.weights).absolute())
    return config.model_copy(update={"start": config.start.model_copy(update={"weights": path})})


def find_start_weights(start: StartConfig, framework: str) -> Path:
    """The file that a config names, or the one of the TrainedModel that it names.

    ConfigError for a model of another framework, DataError when the file is absent or is not the model's any more.
    """
    path = Path(start.weights).absolute()
    if path.suffix != ".json":
        if not path.is_file():
            raise DataError(f"train.start.weights: {path} does not exist")
        return path
    trained = TrainedModel.load(path)
    if trained.framework != framework:
        raise ConfigError(f"train.start.weights: {path} is of {trained.framework}, and {framework} is to be trained")
    weights = Path(trained.weights.path)
    if not weights.is_file() or digest_file(weights) != trained.weights.sha256:
        raise DataError(f"train.start.weights: {weights} is absent, or not the file that {path} is about")
    return weights
