"""The next sale, from purchases to recommended products, with networks that read the history and ones that do not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import deltalake
import numpy as np
import pytest
import yaml

from dbx_dl.contracts import OnnxModel, PreparedTable, Promotion, ScoredTable
from dbx_dl.demo.purchases import KINDS, NUM_CUSTOMERS, find_chances, write_purchases
from tests.e2e.conftest import ROOT, CallCli
from tests.e2e.results import keep_result

TOP_ITEMS = 5
# Options, what else the training is told, and the least NDCG; what reads the order of purchases comes near the best.
CASES: dict[str, tuple[dict[str, Any], dict[str, Any], float]] = {
    "gru": ({"units": 48, "embedding_width": 32}, {}, 0.72),
    "transformer": ({"width": 32, "num_layers": 1}, {"loss": "cross_entropy"}, 0.7),
    "two_tower": ({}, {}, 0.48),
    "matrix_factorization": ({}, {"loss": "bpr", "optimizer": {"name": "adam", "learning_rate": 0.02}}, 0.35),
}


@pytest.mark.matrix
@pytest.mark.parametrize("network", CASES)
def test_products_are_recommended_better_than_by_their_popularity(
    tmp_path: Path, call_cli: CallCli, network: str
) -> None:
    assert call_cli("demo", "--data-only", directory=tmp_path).returncode == 0
    (tmp_path / "run.yml").write_text(yaml.safe_dump(configure(network)))
    printed = call_cli("run", "run.yml", directory=tmp_path)
    assert printed.returncode == 0, printed.stderr[-3000:]
    place = tmp_path / "dbx_dl_demo" / "runs" / "next_sale"
    best, popular = measure_best()
    for framework in ("keras", "torch"):
        model = OnnxModel.load(place / framework / "onnx.json")
        assert model.parity.max_abs_difference <= 1e-5
        losses = [epoch.metrics["train_loss"] for epoch in model.trained.history]
        assert losses[-1] < 0.8 * losses[0]
        for name, value in model.metrics.items():
            assert value == pytest.approx(model.trained.metrics[f"test_{name}"], rel=1e-4, abs=1e-6)
        assert model.trained.metrics["test_popularity_hit_rate"] == pytest.approx(popular)
        baseline = model.trained.metrics["test_popularity_ndcg"]
        assert max(CASES[network][2], 1.3 * baseline) < model.metrics["ndcg"] < best["ndcg"] + 0.03
        assert model.metrics["hit_rate"] < best["hit_rate"] + 0.04
        keep_result(model, "purchases", baseline)
    assert Promotion.load(place / "promotion.json").champion_version is not None
    assert PreparedTable.load(place / "prepared.json").num_rows == len(write_purchases())
    scored = ScoredTable.load(place / "scored.json")
    assert (scored.num_rows, scored.num_errors) == (NUM_CUSTOMERS, 0)
    check_scores(tmp_path / "dbx_dl_demo" / "tables" / "next_sales")
    page = (place / "report.html").read_text()
    assert "Hit rate" in page and "chosen before" in page


def check_scores(table: Path) -> None:
    """Lists are sorted, without what the customer has, and most are of the customer's kind."""
    bought: dict[str, list[str]] = {}
    for customer, _, product, *_ in write_purchases():
        bought.setdefault(customer, []).append(product)
    rows = deltalake.DeltaTable(str(table)).to_pyarrow_table().to_pylist()
    assert {row["key"] for row in rows} == set(bought)
    for row in rows:
        assert len(row["items"]) == len(row["scores"]) == TOP_ITEMS
        assert row["scores"] == sorted(row["scores"], reverse=True)
        assert not set(row["items"]) & set(bought[row["key"]])
    firsts = [row["items"][0].split()[0] == bought[row["key"]][0].split()[0] for row in rows]
    assert np.mean(firsts) > 0.6


def measure_best() -> tuple[dict[str, float], float]:
    """What who knows the rule reaches on average for the test rows, and the hit rate of the most bought products."""
    customers: dict[str, list[str]] = {}
    for customer, _, product, *_ in write_purchases():
        customers.setdefault(customer, []).append(product)
    counts: dict[str, int] = {}
    for products in customers.values():
        for product in products[:-2]:
            counts[product] = counts.get(product, 0) + 1
    ranked = sorted(counts, key=lambda product: (-counts[product], product))
    hits, gains, popular = [], [], []
    for products in customers.values():
        kind, before = products[0].split()[0], [int(product.split()[1]) - 1 for product in products[:-1]]
        chances = sorted(find_chances(before, KINDS[kind]), reverse=True)[:TOP_ITEMS]
        hits.append(sum(chances))
        gains.append(sum(chance / np.log2(2 + place) for place, chance in enumerate(chances)))
        unseen = [product for product in ranked if product not in products[:-1]]
        popular.append(products[-1] in unseen[:TOP_ITEMS])
    return {"hit_rate": float(np.mean(hits)), "ndcg": float(np.mean(gains))}, float(np.mean(popular))


def configure(network: str) -> dict[str, Any]:
    """The run of `conf/runs` with another network."""
    options, training, least = CASES[network]
    config: dict[str, Any] = yaml.safe_load((ROOT / "conf" / "runs" / "next_sale.yml").read_text())
    config["train"] |= {"network": network, "network_options": options, **training}
    config["registry"]["threshold"] = least
    return config
