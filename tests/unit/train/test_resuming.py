"""A training goes on with the same config and table only, and says what other ranks change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dbx_dl.config import OptimizerConfig, TrainConfig
from dbx_dl.errors import ConfigError
from dbx_dl.train.job import TrainingJob
from dbx_dl.train.resuming import describe_change, digest_job, require_same_job
from tests.prepared_tables import SPEC, describe
from tests.unit.train.test_checkpoints import progress_of


def job_of(version: int = 3, table: str = "t", **changes: Any) -> TrainingJob:
    config = TrainConfig(**{"network": "mlp", "num_ranks": 2, "batch_size": 8, **changes})
    prepared = describe(Path(table), version, {"train": 5}, SPEC, ("no", "yes"))
    return TrainingJob(prepared=prepared, config=config, framework="torch", directory="runs/a")


@pytest.mark.parametrize(
    ("job", "difference"),
    [
        (
            job_of(optimizer=OptimizerConfig(learning_rate=0.5)),
            "its train.optimizer.learning_rate was 0.001 and is now 0.5",
        ),
        (job_of(num_epochs=99), "its train.num_epochs was 10 and is now 99"),
        (job_of(network_options={"dropout": 0.5}), "its train.network_options.dropout was None and is now 0.5"),
        (job_of(version=4), "its table version was 3 and is now 4"),
        (job_of(table="other"), "its table was 't' and is now 'other'"),
        (job_of(batch_size=4), "its train.batch_size was 8 and is now 4"),
    ],
)
def test_another_config_or_table_is_refused_by_name(job: TrainingJob, difference: str) -> None:
    with pytest.raises(ConfigError) as caught:
        require_same_job(job_of(), job)
    assert f"the training in runs/a cannot go on: {difference}" in str(caught.value)


def test_where_and_how_it_runs_may_change() -> None:
    changes: list[dict[str, Any]] = [
        {"num_ranks": 4},
        {"num_ranks": 1, "batch_size": 16},
        {"launcher": "horovod_spark", "timeout_seconds": 9},
        {"checkpoint": {"every_steps": 7, "max_restarts": 0}},
        {"report_every_steps": 3},
    ]
    for change in changes:
        require_same_job(job_of(), job_of(**change))
        assert digest_job(job_of(**change)) == digest_job(job_of())
    assert digest_job(job_of(seed=1)) != digest_job(job_of())


def test_what_other_ranks_change_is_said() -> None:
    assert describe_change(progress_of(), job_of()) == ""
    assert describe_change(progress_of(), job_of(num_ranks=1, batch_size=16)) == (
        "2 -> 1 ranks, global batches stay 16 rows, noise is another"
    )
    assert describe_change(progress_of(), job_of(num_ranks=4)) == (
        "2 -> 4 ranks, global batches of 16 -> 32 rows, 16 rows of epoch 2 are trained on twice, "
        "noise such as dropout is drawn anew"
    )
    assert "epoch 2 starts over" in describe_change(progress_of(), job_of(num_ranks=3))
