"""What an MLflow run says of a training, as values; the ranks tests check it in a real store."""

from __future__ import annotations

from pathlib import Path

from dbx_dl.config import OptimizerConfig, TrackingConfig, TrainConfig
from dbx_dl.train.job import TrainingJob
from dbx_dl.train.mlflow_values import describe_params, describe_source, describe_tags
from tests.prepared_tables import SPEC, describe


def job_of(tmp_path: Path) -> TrainingJob:
    config = TrainConfig(
        network="mlp",
        network_options={"hidden": 32},
        num_ranks=2,
        batch_size=16,
        optimizer=OptimizerConfig(name="sgd", momentum=0.9),
    )
    prepared = describe(tmp_path, 3, {"train": 5}, SPEC, ("no", "yes"))
    return TrainingJob(prepared=prepared, config=config, framework="torch", directory=str(tmp_path))


def test_params_are_the_whole_flattened_config(tmp_path: Path) -> None:
    params = describe_params(job_of(tmp_path))
    fields = {"framework", "global_batch_size", *TrainConfig.model_fields}
    assert {name.partition(".")[0] for name in params} == fields | {"split_rows"}
    assert params["optimizer.momentum"] == "0.9"
    assert params["network_options.hidden"] == "32"
    assert params["global_batch_size"] == "32"
    assert params["split_rows.train"] == "5"


def test_tags_name_table_version_and_horovod(tmp_path: Path) -> None:
    tags = describe_tags(job_of(tmp_path))
    assert tags["dbx_dl.table"] == str(tmp_path)
    assert tags["dbx_dl.table_version"] == "3"
    assert tags["dbx_dl.horovod_size"] == "2"
    assert tags["dbx_dl.horovod_version"]


def test_a_run_says_its_commit_where_it_is_known() -> None:
    assert describe_source(TrackingConfig(git_commit="0a1b2c3")) == {"mlflow.source.git.commit": "0a1b2c3"}
    assert describe_source(TrackingConfig()) == {}
