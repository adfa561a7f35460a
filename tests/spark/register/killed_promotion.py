"""Runs in a process of its own: a promotion that ends as on a machine that dies, by SIGKILL for it and for its JVM.

`python -m tests.spark.register.killed_promotion FOLDER MOMENT` promotes the model that FOLDER/model.json describes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from mlflow import MlflowClient

from dbx_dl import promote_model
from dbx_dl.config import RegisterConfig, SparkConfig, TrackingConfig
from dbx_dl.contracts import RegisteredModel
from dbx_dl.register import promotion
from dbx_dl.register.ledger import Ledger
from dbx_dl.runtime.spark import open_session
from tests.killing import end_after, end_before

MOMENTS: dict[str, Callable[[], None]] = {
    "before the claim": lambda: end_before(Ledger, "claim"),
    "after the claim": lambda: end_after(Ledger, "claim"),
    "before the alias": lambda: end_before(MlflowClient, "set_registered_model_alias"),
    "after the alias": lambda: end_after(MlflowClient, "set_registered_model_alias"),
    "after the end": lambda: end_after(Ledger, "close"),
    "before the record": lambda: end_before(promotion, "record_decision"),
}


def main(folder: Path, moment: str) -> None:
    """Promote, and end at that moment."""
    model = RegisteredModel.load(folder / "model.json")
    tracking = TrackingConfig.model_validate_json((folder / "tracking.json").read_text())
    MOMENTS[moment]()
    spark = open_session(SparkConfig(master="local[1]", driver_memory="1g"), "killed")
    promote_model(spark, [model], RegisterConfig(name=model.name), tracking=tracking)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
