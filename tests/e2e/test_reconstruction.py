"""Auto-encoders the whole way, with both frameworks, from a table with labels that they ignore to anomaly scores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import deltalake
import numpy as np
import pytest
import yaml
from PIL import Image

from dbx_dl.contracts import FeatureSpec, OnnxModel, Promotion, ScoredTable
from dbx_dl.feed.rows import read_rows
from dbx_dl.transforms.columns import TabularEncoder
from tests.e2e.conftest import CallCli
from tests.e2e.results import keep_result

IMAGES: dict[str, Any] = {"kind": "images", "source": "data/digits", "height": 8, "width": 8, "channels": 1}
TABLE: dict[str, Any] = {
    "kind": "table",
    "source": "data/breast_cancer.csv",
    "source_format": "csv",
    "key": "id",
    "label": "diagnosis",
}
# By network: its input, and the reconstruction error on the test split that it must be below. That of giving the mean
# row for every row is about 0.08 of digits' pixels, and near 1 of the table's features, which are scaled.
CASES = {
    "autoencoder": (IMAGES, {}, 0.02),
    "denoising_autoencoder": (TABLE, {"masking": 0.1}, 0.5),
    "sparse_autoencoder": (IMAGES, {}, 0.02),
    "variational_autoencoder": (IMAGES, {"code_size": 8}, 0.045),
}
CODE_SIZES = {"sparse_autoencoder": 64, "variational_autoencoder": 8}
NUM_SHOWN = 60


@pytest.mark.matrix
@pytest.mark.parametrize("network", CASES)
def test_an_autoencoder_goes_the_whole_way(tmp_path: Path, call_cli: CallCli, network: str) -> None:
    assert call_cli("demo", "--data-only", "--dir", str(tmp_path), directory=tmp_path).returncode == 0
    write_shuffled(tmp_path / "data" / "new")
    (tmp_path / "run.yml").write_text(yaml.safe_dump(configure(network)))
    printed = call_cli("run", "run.yml", directory=tmp_path)
    assert printed.returncode == 0, printed.stderr[-3000:]
    is_image = CASES[network][0] is IMAGES
    for framework in ("keras", "torch"):
        model = OnnxModel.load(tmp_path / "run" / framework / "onnx.json")
        losses = [epoch.metrics["train_loss"] for epoch in model.trained.history]
        assert losses[-1] < losses[0] * 0.85
        assert model.metrics["reconstruction_error"] < CASES[network][2]
        assert model.metrics == pytest.approx(
            {"reconstruction_error": model.trained.metrics["test_reconstruction_error"]}, rel=1e-4
        )
        assert model.parity.max_abs_difference <= 1e-4
        title, spread = ("digits 8x8", spread_of_digits()) if is_image else ("breast cancer", spread_of_cases(model))
        keep_result(model, title, spread)
    assert Promotion.load(tmp_path / "run" / "promotion.json").champion_version is not None
    scored = ScoredTable.load(tmp_path / "run" / "scored.json")
    assert scored.num_errors == 0
    rows = deltalake.DeltaTable(str(tmp_path / "tables" / "scores")).to_pyarrow_table().to_pylist()
    assert {len(row["embedding"]) for row in rows} == {CODE_SIZES.get(network, 16)}
    if is_image:
        usual, unusual = (
            np.array([row["anomaly_score"] for row in rows if row["key"].startswith(kind)])
            for kind in ("usual", "shuffled")
        )
        assert len(usual) == len(unusual) == NUM_SHOWN
        assert (usual[:, None] < unusual).mean() > 0.99


def spread_of_digits() -> float:
    """The reconstruction error of giving the mean digit for every digit."""
    from sklearn.datasets import load_digits

    return float((load_digits().images / 16).var(axis=0).mean())


def spread_of_cases(model: OnnxModel) -> float:
    """The reconstruction error of giving the mean of the test split's encoded rows for each of them."""
    prepared = model.trained.prepared
    assert isinstance(prepared.inputs, FeatureSpec)
    return float(TabularEncoder(prepared.inputs).encode(read_rows(prepared, "test")).var(axis=0).mean())


def write_shuffled(folder: Path) -> None:
    """Digits as PNG files under `usual`, and such whose pixels are shuffled under `shuffled`."""
    from sklearn.datasets import load_digits

    random = np.random.default_rng(4)
    for number, pixels in enumerate(load_digits().images[:NUM_SHOWN]):
        grey = np.rint(pixels * (255 / 16)).astype(np.uint8)
        for kind, image in (("usual", grey), ("shuffled", random.permutation(grey.ravel()).reshape(8, 8))):
            (folder / kind).mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(folder / kind / f"{number}.png")


def configure(network: str) -> dict[str, Any]:
    """The run's YAML."""
    rows, options, limit = CASES[network]
    is_table = rows is TABLE
    reads = {name: rows[name] for name in ("source", "source_format", "key") if name in rows}
    return {
        "name": network,
        "directory": "run",
        "frameworks": ["keras", "torch"],
        "tracking": {"uri": "sqlite:///m.db", "artifacts": "artifacts"},
        "prepare": {**rows, "table": "./tables/rows"},
        "train": {
            "network": network,
            "network_options": options,
            "task": "reconstruction",
            "num_ranks": 2,
            "batch_size": 16,
            "num_epochs": 15,
            "optimizer": {"name": "adam", "learning_rate": 0.003},
        },
        "registry": {"name": network, "metric": "reconstruction_error", "threshold": limit},
        "score": {
            **(reads if is_table else {"source": "data/new", "source_format": "images"}),
            "model": f"models:/{network}@champion",
            "table": "./tables/scores",
        },
    }
