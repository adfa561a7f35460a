"""The weights that a training starts from are found and checked before anything is launched."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbx_dl.config import StartConfig, TrainConfig
from dbx_dl.contracts import FileDigest, TrainedModel
from dbx_dl.errors import ConfigError, DataError
from dbx_dl.train.checkpoint_files import digest_file
from dbx_dl.train.starting import find_start_weights, resolve_start
from tests.prepared_tables import SPEC, describe


def write_model(folder: Path) -> tuple[Path, Path]:
    """A `trained.json` and its weights."""
    weights = folder / "best_weights.npz"
    weights.write_bytes(b"weights")
    model = TrainedModel(
        prepared=describe(folder, 0, {"train": 5}, SPEC, ("no", "yes")),
        framework="keras",
        network="mlp",
        network_options={},
        weights=FileDigest(path=str(weights), sha256=digest_file(weights)),
        directory=str(folder),
        run_id="r",
        tracking_uri="u",
        num_ranks=1,
        batch_size=8,
        seed=0,
        history=(),
        best_epoch=1,
        metrics={},
        rows_per_second=1.0,
        versions={},
    )
    return model.save(folder / "trained.json"), weights


def test_a_model_or_a_file_names_the_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, weights = write_model(tmp_path)
    assert find_start_weights(StartConfig(weights=str(model)), "keras") == weights
    assert find_start_weights(StartConfig(weights=str(weights)), "torch") == weights
    monkeypatch.chdir(tmp_path)
    config = TrainConfig(network="mlp", start=StartConfig(weights="trained.json", skip_mismatched=True))
    assert resolve_start(config).start == StartConfig(weights=str(model), skip_mismatched=True)
    assert resolve_start(TrainConfig(network="mlp")).start is None


def test_what_cannot_be_started_from_is_said(tmp_path: Path) -> None:
    model, weights = write_model(tmp_path)
    with pytest.raises(ConfigError, match=r"is of keras, and torch is to be trained"):
        find_start_weights(StartConfig(weights=str(model)), "torch")
    weights.write_bytes(b"others")
    with pytest.raises(DataError, match="not the file that"):
        find_start_weights(StartConfig(weights=str(model)), "keras")
    with pytest.raises(DataError, match=r"absent\.npz does not exist"):
        find_start_weights(StartConfig(weights=str(tmp_path / "absent.npz")), "keras")
