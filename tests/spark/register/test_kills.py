"""A promotion that is killed leaves the old champion or the new one, and the next promotion goes on from there."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from dbx_dl import promote_model, rollback_model
from dbx_dl.config import RegisterConfig, TrackingConfig
from dbx_dl.contracts import RegisteredModel
from dbx_dl.register.champion import find_champion
from dbx_dl.register.ledger import LEASE_SECONDS, find_ledger
from dbx_dl.runtime.tables import quote_table
from dbx_dl.runtime.tracking import open_client
from tests.killing import run_to_death
from tests.onnx_models import make_weights
from tests.prepared_tables import SPEC, write_feature_table
from tests.registered_models import GOOD, register
from tests.spark.register.killed_promotion import MOMENTS

# Where the new version is champion already when the process ends.
MOVED = ("after the alias", "after the end", "before the record")


@pytest.mark.parametrize(
    "moment",
    [pytest.param(m, marks=[] if m == "after the alias" else [pytest.mark.matrix]) for m in MOMENTS],
)
def test_a_promotion_is_killed(spark: SparkSession, tmp_path: Path, tracking: TrackingConfig, moment: str) -> None:
    name = moment.replace(" ", "_")
    prepared = write_feature_table(tmp_path / "table", {"train": 4, "test": 60})
    poor = register(tmp_path / "poor", prepared, tracking, name, make_weights(SPEC, 2, seed=3))
    good = register(tmp_path / "good", prepared, tracking, name, GOOD)
    config, client = RegisterConfig(name=name), open_client(tracking.uri)
    promote_model(spark, [poor], config, tracking=tracking)
    promote_and_kill(tmp_path, good, tracking, moment)
    assert find_champion(client, name) == (2 if moment in MOVED else 1)
    let_time_pass(spark, find_ledger(name, tracking.uri))
    again = promote_model(spark, [good], config, tracking=tracking)
    assert again.champion_version == find_champion(client, name) == 2
    assert rollback_model(spark, name, tracking=tracking).champion_version == 1


def promote_and_kill(folder: Path, model: RegisteredModel, tracking: TrackingConfig, moment: str) -> None:
    model.save(folder / "model.json")
    (folder / "tracking.json").write_text(tracking.model_dump_json())
    run_to_death("tests.spark.register.killed_promotion", str(folder), moment)


def let_time_pass(spark: SparkSession, ledger: str) -> None:
    """As long as a claim stands whose process is gone."""
    spark.sql(f"UPDATE {quote_table(ledger)} SET changed_at = changed_at - INTERVAL {LEASE_SECONDS} SECONDS").collect()
