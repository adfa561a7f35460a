"""Images are made the whole way, with both frameworks: from a table of digits to a table of new ones, made of noise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import deltalake
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from PIL import Image

from dbx_dl.contracts import OnnxModel, Promotion, ScoredTable
from dbx_dl.metrics.samples import energy_distance
from tests.e2e.conftest import CallCli
from tests.e2e.results import keep_result

NOISE_SIZE, NUM_MADE, NUM_EPOCHS = 16, 200, 20
# Of the mean digit in the place of all it is 0.15, of other digits 0.006.
LIMIT = 0.1


@pytest.mark.matrix
def test_images_are_made_the_whole_way(tmp_path: Path, call_cli: CallCli) -> None:
    assert call_cli("demo", "--data-only", "--dir", str(tmp_path), directory=tmp_path).returncode == 0
    noise = np.random.default_rng(5).normal(size=(NUM_MADE, NOISE_SIZE))
    pq.write_table(pa.table({"id": [str(row) for row in range(NUM_MADE)], "noise": noise.tolist()}), tmp_path / "noise")
    (tmp_path / "run.yml").write_text(yaml.safe_dump(configure()))
    printed = call_cli("run", "run.yml", directory=tmp_path)
    assert printed.returncode == 0, printed.stderr[-3000:]
    for framework in ("keras", "torch"):
        model = OnnxModel.load(tmp_path / "run" / framework / "onnx.json")
        assert model.metrics == pytest.approx(
            {"energy_distance": model.trained.metrics["test_energy_distance"]}, abs=1e-4
        )
        assert model.metrics["energy_distance"] < LIMIT
        assert model.parity.max_abs_difference <= 1e-5
        grids = sorted((tmp_path / "run" / framework / "figures").glob("samples_epoch_*.png"))
        assert len(grids) == NUM_EPOCHS
        assert Image.open(grids[-1]).size == (6 * 9, 6 * 9)
        keep_result(model, "digits 8x8", 0.153)
    assert Promotion.load(tmp_path / "run" / "promotion.json").champion_version is not None
    scored = ScoredTable.load(tmp_path / "run" / "scored.json")
    assert (scored.num_rows, scored.num_errors) == (NUM_MADE, 0)
    rows = deltalake.DeltaTable(str(tmp_path / "tables" / "scores")).to_pyarrow_table().to_pylist()
    made = np.array([row["pixels"] for row in rows])
    assert made.shape == (NUM_MADE, 64)
    assert float(energy_distance(read_digits()[:NUM_MADE], made, np.ones((1, NUM_MADE)))[0]) < LIMIT


def read_digits() -> np.ndarray:
    """Pixels / 255, float64 (1797, 64)."""
    from sklearn.datasets import load_digits

    return np.asarray(load_digits().images.reshape(-1, 64) / 16)


def configure() -> dict[str, Any]:
    """The run's YAML."""
    return {
        "name": "gan",
        "directory": "run",
        "frameworks": ["keras", "torch"],
        "tracking": {"uri": "sqlite:///m.db", "artifacts": "artifacts"},
        "prepare": {
            "kind": "images",
            "source": "data/digits",
            "table": "./tables/rows",
            "height": 8,
            "width": 8,
            "channels": 1,
        },
        "train": {
            "network": "gan",
            "network_options": {"noise_size": NOISE_SIZE},
            "task": "generation",
            "num_ranks": 2,
            "batch_size": 16,
            "num_epochs": NUM_EPOCHS,
            "optimizer": {"name": "adam", "learning_rate": 0.001},
        },
        "registry": {"name": "gan", "metric": "energy_distance", "threshold": LIMIT},
        "score": {
            "source": "noise",
            "source_format": "parquet",
            "key": "id",
            "model": "models:/gan@champion",
            "table": "./tables/scores",
        },
    }
