"""Recordings from WAV files to SQL, with both frameworks: the run of `conf/runs/vowels.yml` on broken files too."""

from __future__ import annotations

from pathlib import Path

import deltalake
import numpy as np
import pytest
import yaml

from dbx_dl.contracts import AudioSpec, OnnxModel, PreparedTable, Promotion, ScoredTable
from dbx_dl.demo.vowels import SOUNDS
from tests.e2e.conftest import ROOT, CallCli
from tests.e2e.results import keep_result

# A logistic regression on the mean spectrum; glides and their reverses look alike to it.
BASELINE = 0.79


@pytest.mark.matrix
def test_vowels_go_the_whole_way(tmp_path: Path, call_cli: CallCli) -> None:
    assert call_cli("demo", "--data-only", directory=tmp_path).returncode == 0
    data = tmp_path / "dbx_dl_demo" / "data" / "vowels"
    good = sorted(data.glob("*/*.wav"))
    (data / "ee" / "cut.wav").write_bytes(good[0].read_bytes()[:500])
    (data / "oo" / "note.wav").write_bytes(b"This is a note that somebody named .wav\n")
    config = yaml.safe_load((ROOT / "conf" / "runs" / "vowels.yml").read_text())
    (tmp_path / "run.yml").write_text(yaml.safe_dump(config))
    printed = call_cli("run", "run.yml", directory=tmp_path)
    assert printed.returncode == 0, printed.stderr[-3000:]
    run = tmp_path / "dbx_dl_demo" / "runs" / "vowels"
    prepared = PreparedTable.load(run / "prepared.json")
    assert prepared.inputs == AudioSpec(sample_rate=8000, num_samples=4800)
    assert prepared.reject_reasons == {"truncated": 1, "not_audio": 1}
    assert prepared.statistics.recordings is not None and prepared.statistics.recordings.num_resampled == len(good) / 2
    assert (run / "prepared.png").stat().st_size > 10_000
    for framework in ("keras", "torch"):
        model = OnnxModel.load(run / framework / "onnx.json")
        assert [(one.name, one.dtype) for one in model.inputs] == [("samples", "int16")]
        losses = [epoch.metrics["train_loss"] for epoch in model.trained.history]
        assert losses[-1] < losses[0] / 2
        assert model.metrics["accuracy"] >= 0.9 > BASELINE
        assert model.parity.max_abs_difference <= 1e-5
        for name, value in model.metrics.items():
            assert value == pytest.approx(model.trained.metrics[f"test_{name}"], rel=1e-4, abs=1e-6)
        keep_result(model, "spoken vowels", BASELINE)
    assert Promotion.load(run / "promotion.json").champion_version is not None
    scored = ScoredTable.load(run / "scored.json")
    assert (scored.num_rows, scored.num_errors) == (len(good) + 2, 2)
    scores = deltalake.DeltaTable(str(tmp_path / "dbx_dl_demo" / "tables" / "vowels_scores"))
    rows = {row["key"]: row for row in scores.to_pyarrow_table().to_pylist()}
    assert rows["ee/cut.wav"]["error"].startswith("truncated: ")
    assert rows["oo/note.wav"]["error"].startswith("not_audio: ")
    right = [rows[f"{path.parent.name}/{path.name}"]["label"] == path.parent.name for path in good]
    assert np.mean(right) > 0.95 and {row["label"] for row in rows.values() if row["label"]} == set(SOUNDS)
    assert "data:image/png" in (run / "report.html").read_text()
