"""`dbx-dl demo --quick` through the command line: what it leaves on disk, in Delta, in MLflow and on the page."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from deltalake import DeltaTable

from dbx_dl.config import RunConfig
from dbx_dl.contracts import Comparison, OnnxModel, PreparedTable, Promotion, RegisteredModel, ScoredTable, TableVersion
from tests.e2e.conftest import CallCli, DemoRun, write_config

pytestmark = pytest.mark.timeout(1800)  # the first test waits for the demo

BROKEN = {"0/truncated.png", "3/text.png", "5/empty.png", "7/one_pixel.png"}
RUNS = ("digits", "breast_cancer")
FRAMEWORKS = ("keras", "torch")


def _rows(table: TableVersion) -> pa.Table:
    return pa.table(DeltaTable(table.path, version=table.version).to_pyarrow_table())


def _config(demo: DemoRun, run: str) -> RunConfig:
    return {"digits": demo.digits, "breast_cancer": demo.breast_cancer}[run]


def _place(demo: DemoRun, run: str) -> Path:
    return Path(_config(demo, run).directory)


@pytest.mark.parametrize("run", RUNS)
def test_every_stage_left_its_contract(demo: DemoRun, run: str) -> None:
    place = _place(demo, run)
    prepared = PreparedTable.load(place / "prepared.json")
    for framework in FRAMEWORKS:
        registered = RegisteredModel.load(place / framework / "registered.json")
        assert registered.onnx == OnnxModel.load(place / framework / "onnx.json")
        assert registered.onnx.trained.prepared == prepared
        assert registered.onnx.trained.num_ranks == 2
        assert Path(registered.onnx.file.path).is_file()


def test_files_are_compared_with_their_networks_and_timed(
    demo: DemoRun, call_cli_again: CallCli, tmp_path: Path
) -> None:
    config = write_config(demo.digits, tmp_path / "run.yml")
    printed = call_cli_again("compare", "--config", str(config), "--json", directory=demo.directory.parent)
    assert printed.returncode == 0, printed.stderr
    for framework, line in zip(FRAMEWORKS, printed.stdout.splitlines(), strict=True):
        found = Comparison.model_validate_json(line)
        assert found.framework == framework
        assert found.parity.max_abs_difference < 1e-5 and found.parity.share_equal_classes == 1
        for times in (found.file_ms, found.network_ms):
            assert list(times) == [1, 32, 1024] and 0 < times[1] < times[1024]


def test_every_image_is_prepared_or_rejected_with_a_reason(demo: DemoRun) -> None:
    prepared = PreparedTable.load(_place(demo, "digits") / "prepared.json")
    assert (prepared.num_rows, prepared.num_rejects) == (1797, 4)
    assert prepared.rejects is not None
    rejects = _rows(prepared.rejects)
    assert set(rejects["path"].to_pylist()) == BROKEN
    assert len(set(rejects["reason"].to_pylist())) == 4
    assert not BROKEN & set(_rows(prepared.table)["path"].to_pylist())
    assert (_place(demo, "digits") / "prepared.png").read_bytes().startswith(b"\x89PNG")


def test_every_case_is_prepared_or_rejected_with_a_reason(demo: DemoRun) -> None:
    prepared = PreparedTable.load(_place(demo, "breast_cancer") / "prepared.json")
    assert (prepared.num_rows, prepared.num_rejects) == (566, 3)
    assert {feature.column: feature.kind for feature in prepared.inputs.features}["size_class"] == "categorical"  # type: ignore[union-attr]
    assert len(prepared.inputs.features) == 31  # type: ignore[union-attr]


@pytest.mark.parametrize(("run", "lowest"), [("digits", 0.9), ("breast_cancer", 0.95)])
def test_both_frameworks_learned_and_their_files_agree(demo: DemoRun, run: str, lowest: float) -> None:
    promotion = Promotion.load(_place(demo, run) / "promotion.json")
    assert len(promotion.values) >= 2
    for framework in FRAMEWORKS:
        registered = RegisteredModel.load(_place(demo, run) / framework / "registered.json")
        assert promotion.values[registered.version] > lowest
        assert registered.onnx.parity.max_abs_difference <= 1e-4
        assert registered.onnx.parity.share_equal_classes == 1.0


def test_every_image_file_has_one_prediction_or_an_error(demo: DemoRun) -> None:
    scored = ScoredTable.load(_place(demo, "digits") / "scored.json")
    rows = _rows(scored.table)
    keys = rows["key"].to_pylist()
    files = demo.directory / "data" / "digits"
    assert sorted(keys) == sorted(str(path.relative_to(files)) for path in files.rglob("*.png"))
    errors = {key for key, error in zip(keys, rows["error"].to_pylist(), strict=True) if error is not None}
    assert errors == BROKEN
    assert (scored.num_rows, scored.num_errors) == (1801, 4)
    for key, label, probability in zip(keys, rows["label"].to_pylist(), rows["probability"].to_pylist(), strict=True):
        assert (label is None) == (probability is None) == (key in BROKEN)


def test_every_case_has_one_prediction(demo: DemoRun) -> None:
    scored = ScoredTable.load(_place(demo, "breast_cancer") / "scored.json")
    rows = _rows(scored.table)
    with (demo.directory / "data" / "breast_cancer.csv").open(newline="", encoding="utf-8") as file:
        cases = {row["id"]: row["diagnosis"] for row in csv.DictReader(file)}
    assert sorted(rows["key"].to_pylist()) == sorted(cases)
    assert rows["error"].null_count == len(cases)
    said = dict(zip(rows["key"].to_pylist(), rows["label"].to_pylist(), strict=True))
    known = [key for key, diagnosis in cases.items() if diagnosis]
    assert np.mean([said[key] == cases[key] for key in known]) > 0.9


def test_predictions_are_those_of_the_onnx_file_alone(demo: DemoRun) -> None:
    import onnxruntime
    from PIL import Image

    scored = ScoredTable.load(_place(demo, "digits") / "scored.json")
    models = [RegisteredModel.load(_place(demo, "digits") / f / "registered.json") for f in FRAMEWORKS]
    file = next(model.onnx.file for model in models if model.version == scored.model_version)
    assert file.sha256 == scored.model_sha256
    rows = _rows(scored.table).slice(0, 400).to_pylist()
    rows = [row for row in rows if row["error"] is None]
    folder = demo.directory / "data" / "digits"
    pixels_nhwc = np.stack([np.asarray(Image.open(folder / row["key"]))[..., None] for row in rows])
    session = onnxruntime.InferenceSession(file.path)
    (probabilities,) = session.run(["probabilities"], {"pixels": pixels_nhwc})
    assert [row["label"] for row in rows] == [str(index) for index in probabilities.argmax(axis=1)]
    assert np.allclose([row["probability"] for row in rows], probabilities.max(axis=1), atol=1e-6)


@pytest.mark.parametrize("run", RUNS)
def test_mlflow_knows_the_runs_the_versions_and_the_champion(demo: DemoRun, run: str) -> None:
    from mlflow import MlflowClient

    uri = _config(demo, run).tracking.uri
    client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    promotion = Promotion.load(_place(demo, run) / "promotion.json")
    champion = client.get_model_version_by_alias(run, "champion")
    assert int(champion.version) == promotion.champion_version
    assert client.get_model_version_by_alias(run, "challenger")
    for framework in FRAMEWORKS:
        trained = RegisteredModel.load(_place(demo, run) / framework / "registered.json").onnx.trained
        mlflow_run = client.get_run(trained.run_id)
        assert mlflow_run.info.status == "FINISHED"
        losses = client.get_metric_history(trained.run_id, "train_loss")
        assert len(losses) == len(trained.history) and losses[-1].value < losses[0].value
        assert mlflow_run.inputs.dataset_inputs


def test_pages_hold_everything_they_show(demo: DemoRun) -> None:
    pages = [demo.directory / "report.html", *(_place(demo, run) / "report.html" for run in RUNS)]
    for path in pages:
        page = path.read_text(encoding="utf-8")
        sources = re.findall(r'(?:src|srcset|href)="([^"]*)"', page)
        assert sources and all(source.startswith(("data:image/png;base64,", "#")) for source in sources)
        assert "<script" not in page and "@import" not in page and "url(" not in page
    whole = pages[0].read_text(encoding="utf-8")
    for key in BROKEN:
        assert whole.count(key) >= 2  # among the rejects and among the rows without a prediction
    assert whole.count('class="sample') > 20


def test_the_terminal_tells_the_outcome(demo: DemoRun) -> None:
    out = demo.printed.stdout
    for text in ("1,797 images", "566 rows", "★ champion", "1,801 images", "569 rows", "accuracy", "AUC"):
        assert text in out
    assert f"report: {demo.directory / 'report.html'}" in out
    assert f"mlflow ui --backend-store-uri sqlite:///{demo.directory / 'mlflow.db'}" in out
    assert "Traceback" not in demo.printed.stderr


def test_registering_again_compares_with_the_present_champion(
    demo: DemoRun, tmp_path: Path, call_cli_again: CallCli
) -> None:
    before = Promotion.load(_place(demo, "breast_cancer") / "promotion.json")
    config = write_config(demo.breast_cancer, tmp_path / "run.yml")
    printed = call_cli_again("register", "--config", str(config), directory=tmp_path)
    assert printed.returncode == 0, printed.stderr[-2000:]
    after = Promotion.load(_place(demo, "breast_cancer") / "promotion.json")
    # The same weights again only equal the present champion, which therefore stays.
    assert after.champion_version == before.champion_version
    assert f"version {before.champion_version} stays champion" in after.reason
    assert before.champion_version in after.values
    # The same files of the same runs are the same versions.
    assert set(after.values) == set(before.values)
