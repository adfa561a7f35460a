"""A table of predictions is watched: quiet at first, an alert once its inputs drift, nothing lost on the way."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from mlflow import MlflowClient

import dbx_dl
from dbx_dl.config import MonitorConfig, PrepareTableConfig, ScoreConfig, TrackingConfig
from dbx_dl.contracts import Finding, Monitored
from dbx_dl.errors import ConfigError, DataError
from tests.registered_models import register

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

NUM_ROWS = 600


@dataclass(frozen=True)
class Shop:
    """A prepared table, a registered model that was trained on it, and a source whose rows are scored as they come."""

    spark: SparkSession
    place: Path
    tracking: TrackingConfig

    @property
    def score(self) -> ScoreConfig:
        values = {"source": str(self.place / "in"), "source_format": "delta", "key": "id", "model": "models:/shop/1"}
        return ScoreConfig.model_validate(
            {**values, "table": str(self.place / "out"), "mode": "incremental", "deleted_rows": "keep"}
        )

    def arrive(self, shift: float = 0.0, num_rows: int = NUM_ROWS, seed: int = 1) -> None:
        """New rows come and are scored."""
        rows = draw_rows(num_rows, seed, shift)
        frame = self.spark.createDataFrame(rows.drop_columns(["label"])).coalesce(1)
        frame.write.format("delta").mode("append").save(str(self.place / "in"))
        dbx_dl.score_table(self.spark, self.score, tracking=self.tracking)

    def look(self, on_found: Any = None, **changes: Any) -> Monitored:
        config = MonitorConfig.model_validate({"windows": {"by": "commits"}, **changes})
        report = str(self.place / "monitor.html")
        return dbx_dl.monitor_scores(
            self.spark, config, self.score, tracking=self.tracking, run="shop", report=report, on_found=on_found
        )

    def count_findings(self) -> int:
        return int(self.spark.read.format("delta").load(str(self.place / "out_findings")).count())


def draw_rows(num_rows: int, seed: int, shift: float = 0.0) -> pa.Table:
    random = np.random.default_rng(seed)
    x, y = random.normal(shift, 1, num_rows), random.normal(size=num_rows)
    colours = random.choice(["red", "blue", None], num_rows, p=[0.5, 0.4, 0.1])
    labels = np.where(x + y > 0, "up", "down")
    columns = {"id": [f"{seed}-{row}" for row in range(num_rows)], "x": x, "y": y, "colour": colours, "label": labels}
    return pa.table(columns)


@pytest.fixture(scope="module")
def shop(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    place = tmp_path_factory.mktemp("shop")
    tracking = TrackingConfig(uri=f"sqlite:///{place}/mlflow.db", artifacts=str(place / "artifacts"))
    spark.createDataFrame(draw_rows(2000, 0)).coalesce(1).write.parquet(str(place / "raw"))
    values = {"source": str(place / "raw"), "source_format": "parquet", "key": "id", "label": "label"}
    config = PrepareTableConfig.model_validate({**values, "table": str(place / "prepared")})
    register(place / "model", dbx_dl.prepare_table(spark, config), tracking, "shop")
    return Shop(spark, place, tracking)


def alerts_of(monitored: Monitored) -> set[tuple[str, str]]:
    return {(it.area, it.column) for it in monitored.alerts}


def find(monitored: Monitored, metric: str) -> list[Finding]:
    return [it for it in monitored.findings if it.metric == metric]


def test_looks_by_commits_are_quiet_until_the_inputs_drift(shop: Shop) -> None:
    shop.arrive()
    first = shop.look()
    assert (first.should_retrain, first.alerts) == (False, ())
    assert [(it.first_version, it.last_version) for it in first.windows] == [(0, first.source.version)]
    assert first.table is not None and shop.count_findings() == len(first.findings)
    assert {it.area for it in first.findings} == {"drift", "operations"}
    # Nothing came since: nothing is found, nothing written.
    assert shop.look().windows == () and shop.count_findings() == len(first.findings)

    shop.arrive(shift=1.5, seed=2)

    def break_off(monitored: Monitored) -> None:
        assert monitored.should_retrain and monitored.table is None
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        shop.look(break_off)
    assert shop.count_findings() == len(first.findings)
    told: list[Monitored] = []
    second = shop.look(told.append)
    assert second.should_retrain and ("drift", "x") in alerts_of(second) and ("drift", "y") not in alerts_of(second)
    assert [it.first_version for it in second.windows] == [first.source.version + 1]
    assert any(", drift, x: " in reason for reason in second.reasons)
    assert [it.value for it in find(second, "rows_scored")] == [NUM_ROWS]
    assert [it.model_copy(update={"table": second.table}) for it in told] == [second]
    assert shop.count_findings() == len(first.findings) + len(second.findings)

    page = Path(second.report or "").read_text(encoding="utf-8")
    assert "Train anew" in page and first.windows[0].name in page and page.count("data:image/png") >= 4
    client = MlflowClient(shop.tracking.uri)
    run = client.get_run(second.run_id or "")
    assert run.info.status == "FINISHED" and run.data.tags["dbx_dl_should_retrain"] == "true"
    assert run.data.metrics["drift.alerts"] == sum(it.area == "drift" for it in second.alerts)
    assert {file.path for file in client.list_artifacts(run.info.run_id)} == {"monitor.html", "monitored.json"}


def test_late_labels_and_groups_are_looked_at(shop: Shop) -> None:
    spark, labels = shop.spark, shop.place / "labels"
    rows = draw_rows(NUM_ROWS, 1)
    # The model of this shop is no good: its weights were drawn at random.
    spark.createDataFrame(rows.select(["id", "label"])).write.format("delta").save(str(labels))
    found = shop.look(
        windows={"by": "versions", "first_version": 0, "last_version": 0},
        labels={"table": str(labels), "key": "id"},
        fairness={"columns": ["colour"], "favourable": "up"},
        quality={"limits": {"accuracy": 0.99}},
        retrain={"areas": ["quality"]},
    )
    assert {it.area for it in found.findings} == {"drift", "quality", "fairness", "operations"}
    assert [it.value for it in find(found, "label_coverage")] == [1.0]
    accuracy = next(it for it in find(found, "accuracy") if not it.part)
    assert accuracy.baseline == pytest.approx(0.75) and accuracy.status == "alert" and found.should_retrain
    assert {it.part for it in find(found, "selection_rate")} >= {"red", "blue"}


@pytest.mark.matrix
def test_rows_that_left_the_source_are_told(shop: Shop) -> None:
    shop.arrive(seed=3, num_rows=80)
    shop.spark.sql(f"DELETE FROM delta.`{shop.place / 'in'}` WHERE id LIKE '3-%' AND id < '3-3'")
    # As long as the version that was scored is read, all rows are there.
    skipped = {"skip": ["x", "y", "colour", "label", "probability"]}
    unmoved = shop.look(areas=["drift"], drift=skipped)
    assert not find(unmoved, "rows_without_inputs")
    # Where nothing is left to compare, that is no end of the look.
    assert {it.area for it in unmoved.findings} == {"operations"} and unmoved.table is not None
    assert "drift is not measured: the baseline holds no" in Path(unmoved.report or "").read_text(encoding="utf-8")
    shop.arrive(seed=4, num_rows=60)
    found = shop.look(areas=["drift"], windows={"by": "whole"}, drift={"min_rows": 10_000})
    num_lost = len({str(row) for row in range(80) if str(row) < "3"})
    assert [(it.value, it.status) for it in find(found, "rows_without_inputs")] == [(num_lost, "warning")]
    assert [it.value for it in find(found, "rows_looked_at")] == [2 * NUM_ROWS + 140]
    assert {it.status for it in found.findings if it.area == "drift"} <= {"unsure", "told"}


def test_what_is_missing_is_told_before_anything_is_written(shop: Shop, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no column 'at'"):
        shop.look(windows={"by": "time", "column": "at"})
    # Of everything, since what an earlier test looked at is not looked at again.
    with pytest.raises(DataError, match="does not exist"):
        shop.look(windows={"by": "whole"}, labels={"table": str(tmp_path / "nothing")})
    with pytest.raises(DataError, match=r"nothing does not exist"):
        shop.look(baseline=str(tmp_path / "nothing"))
    with pytest.raises(ConfigError, match="run 'my shop'"):
        dbx_dl.monitor_scores(shop.spark, MonitorConfig(), shop.score, tracking=shop.tracking, run="my shop")
    with pytest.raises(DataError, match=r"source .* has no column 'region'"):
        shop.look(windows={"by": "whole"}, fairness={"columns": ["region"], "favourable": "up"})
    with pytest.raises(ConfigError, match="nothing is found under 'acuracy'; did you mean 'accuracy'"):
        shop.look(retrain={"metrics": ["acuracy"]})
