"""Runs in a process of its own: promotions and a rollback on a Spark Connect session."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dbx_dl import promote_model, rollback_model
from dbx_dl.config import RegisterConfig, SparkConfig
from dbx_dl.register.ledger import Ledger, find_ledger
from dbx_dl.runtime.spark import open_session
from tests.mlflow_databases import open_tracking
from tests.onnx_models import make_weights
from tests.prepared_tables import SPEC, write_feature_table
from tests.registered_models import GOOD, register


def promote_twice(folder: str) -> dict[str, Any]:
    """A poor and a perfect model become champion one after the other; then the first one is again."""
    place = Path(folder)
    spark = open_session(SparkConfig(driver_memory="1g", settings={"spark.api.mode": "connect"}), "tests")
    try:
        tracking = open_tracking(place)
        prepared = write_feature_table(place / "table", {"train": 4, "test": 60})
        config = RegisterConfig(name="m")
        for number, weights in enumerate((make_weights(SPEC, 2, seed=3), GOOD)):
            model = register(place / str(number), prepared, tracking, "m", weights)
            promotion = promote_model(spark, [model], config, tracking=tracking)
        back = rollback_model(spark, "m", tracking=tracking)
        entry = Ledger(spark, find_ledger("m", tracking.uri), "m").read()
        return {
            "session": type(spark).__module__,
            "champion": promotion.champion_version,
            "back": back.champion_version,
            "ledger": [entry.generation, entry.state, entry.champion],
        }
    finally:
        spark.stop()
