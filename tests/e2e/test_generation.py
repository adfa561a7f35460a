"""Images are made the whole way, with both frameworks: from a table of digits to a table of new ones, made of noise."""

from __future__ import annotations

from pathlib import Path

import deltalake
import numpy as np
import pytest
from PIL import Image

from dbx_dl.contracts import OnnxModel, Promotion, ScoredTable
from dbx_dl.metrics.samples import energy_distance
from tests.e2e.conftest import ROOT, CallCli
from tests.e2e.results import keep_result

NUM_MADE, NUM_EPOCHS = 200, 20
# Of the mean digit in the place of all it is 0.15, of other digits 0.006.
LIMIT = 0.1


@pytest.mark.matrix
def test_images_are_made_the_whole_way(tmp_path: Path, call_cli: CallCli) -> None:
    place = tmp_path / "dbx_dl_demo"
    assert call_cli("demo", "--data-only", "--dir", str(place), directory=tmp_path).returncode == 0
    printed = call_cli("run", str(ROOT / "conf" / "runs" / "digits_gan.yml"), directory=tmp_path)
    run = place / "runs" / "digits_gan"
    assert printed.returncode == 0, printed.stderr[-3000:]
    for framework in ("keras", "torch"):
        model = OnnxModel.load(run / framework / "onnx.json")
        assert model.metrics == pytest.approx(
            {"energy_distance": model.trained.metrics["test_energy_distance"]}, abs=1e-4
        )
        assert model.metrics["energy_distance"] < LIMIT
        assert model.parity.max_abs_difference <= 1e-5
        grids = sorted((run / framework / "figures").glob("samples_epoch_*.png"))
        assert len(grids) == NUM_EPOCHS
        assert Image.open(grids[-1]).size == (6 * 9, 6 * 9)
        keep_result(model, "digits 8x8", 0.153)
    assert Promotion.load(run / "promotion.json").champion_version is not None
    scored = ScoredTable.load(run / "scored.json")
    assert (scored.num_rows, scored.num_errors) == (NUM_MADE, 0)
    rows = deltalake.DeltaTable(str(place / "tables" / "digits_made")).to_pyarrow_table().to_pylist()
    made = np.array([row["pixels"] for row in rows])
    assert made.shape == (NUM_MADE, 64)
    assert float(energy_distance(read_digits()[:NUM_MADE], made, np.ones((1, NUM_MADE)))[0]) < LIMIT


def read_digits() -> np.ndarray:
    """Pixels / 255, float64 (1797, 64)."""
    from sklearn.datasets import load_digits

    return np.asarray(load_digits().images.reshape(-1, 64) / 16)
