"""Rows are grouped the whole way, by every network with both frameworks, from files to profiles, scores and a page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import deltalake
import numpy as np
import pytest
import yaml
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.metrics import adjusted_rand_score

from dbx_dl.contracts import ClusterProfiles, OnnxModel, Promotion, ScoredTable
from dbx_dl.metrics.clustering import simplify_silhouette
from tests.e2e.conftest import ROOT, CallCli
from tests.e2e.results import keep_result

# By network: the run that it takes the place of the network in, its options, and the agreement with classes (adjusted
# Rand index, 0 for groups at random) on the test split that it must pass. scikit-learn's KMeans reaches 0.66 on all
# digits, and 0.67 on all cases.
CASES: dict[str, tuple[str, dict[str, Any], float]] = {
    "kmeans": ("cell_groups", {}, 0.5),
    "gaussian_mixture": ("cell_groups", {}, 0.4),
    "deep_kmeans": ("digits_groups", {}, 0.45),
    "deep_gaussian_mixture": ("digits_groups", {}, 0.45),
}
TITLES = {"cell_groups": "breast cancer", "digits_groups": "digits 8x8"}


@pytest.mark.matrix
@pytest.mark.parametrize("network", CASES)
def test_groups_are_found_the_whole_way(tmp_path: Path, call_cli: CallCli, network: str) -> None:
    assert call_cli("demo", "--data-only", directory=tmp_path).returncode == 0
    name, options, limit = CASES[network]
    config = yaml.safe_load((ROOT / "conf" / "runs" / f"{name}.yml").read_text())
    config["train"] |= {"network": network, "network_options": options}
    (tmp_path / "run.yml").write_text(yaml.safe_dump(config))
    printed = call_cli("run", "run.yml", directory=tmp_path)
    assert printed.returncode == 0, printed.stderr[-3000:]
    run = tmp_path / "dbx_dl_demo" / "runs" / name
    num_clusters = config["train"]["num_clusters"]
    for framework in ("keras", "torch"):
        model = OnnxModel.load(run / framework / "onnx.json")
        assert model.metrics["adjusted_rand_index"] >= limit
        assert model.parity.max_abs_difference <= 1e-4
        for metric, value in model.metrics.items():
            assert value == pytest.approx(model.trained.metrics[f"test_{metric}"], rel=1e-4, abs=1e-4)
        profiles = ClusterProfiles.load(run / framework / "clusters.json")
        assert len(profiles.sizes) == num_clusters and sum(profiles.sizes) == model.trained.prepared.num_rows
        assert bool(profiles.numbers) == bool(profiles.pairs) == (name == "cell_groups")
        assert (run / framework / "figures" / "cluster_examples.png").exists() == (name == "digits_groups")
        keep_result(model, TITLES[name], group_by_lot(name, num_clusters))
    assert Promotion.load(run / "promotion.json").champion_version is not None
    check_scores(tmp_path / "dbx_dl_demo" / "tables" / name, run, limit)
    page = (run / "report.html").read_text()
    assert page.count("Clusters beside all rows") == 2
    shown = call_cli("clusters", "--config", "run.yml", directory=tmp_path)
    assert shown.returncode == 0 and f"cluster {num_clusters - 1}" in shown.stdout


def group_by_lot(run: str, num_clusters: int) -> float:
    """The simplified silhouette of groups drawn by lot, each around the mean of its rows: about 0 in any space."""
    data: Any = load_digits() if run == "digits_groups" else load_breast_cancer()
    rows = (data.data - data.data.mean(axis=0)) / np.maximum(data.data.std(axis=0), 1e-9)
    lots = np.random.default_rng(0).integers(0, num_clusters, len(rows))
    centres = np.stack([rows[lots == lot].mean(axis=0) for lot in range(num_clusters)])
    distances = np.linalg.norm(rows[:, None] - centres, axis=2)
    is_own = np.eye(num_clusters, dtype=bool)[lots]
    own, other = distances[is_own], np.where(is_own, np.inf, distances).min(axis=1)
    return float(simplify_silhouette(own, other).mean())


def check_scores(table: Path, run: Path, limit: float) -> None:
    scored = ScoredTable.load(run / "scored.json")
    rows = deltalake.DeltaTable(str(table)).to_pyarrow_table().to_pandas()
    assert len(rows) == scored.num_rows
    rows = rows[rows["error"].isna()]
    assert len(rows) > 500
    assert np.stack(rows["probabilities"]).sum(axis=1) == pytest.approx(1.0)
    assert (np.stack(rows["probabilities"]).argmax(axis=1) == rows["cluster"]).all()
    if "embedding" in rows:
        labels = rows["key"].str.split("/").str[0]
        assert adjusted_rand_score(labels, rows["cluster"]) >= limit
