"""What is refused before anything is submitted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dbx_dl.config import TrainConfig
from dbx_dl.errors import ConfigError, SetupError
from dbx_dl.runtime.databricks import Compute
from dbx_dl.train import launch
from dbx_dl.train.launch import (
    LAUNCHERS,
    check_framework,
    check_launch,
    require_compute,
    require_whole_gpus,
    runs_in_driver,
)
from dbx_dl.train.ranks import RankProgram


def test_every_launcher_of_the_config_exists() -> None:
    names = TrainConfig.model_json_schema()["properties"]["launcher"]["enum"]
    assert sorted(LAUNCHERS) == sorted(names)


def test_in_process_runs_one_rank_only() -> None:
    no_spark: Any = None
    with pytest.raises(ConfigError, match=r"num_ranks is 2: set train.launcher to spark"):
        check_launch(no_spark, TrainConfig(network="mlp", num_ranks=2, launcher="in_process"))
    check_launch(no_spark, TrainConfig(network="mlp", num_ranks=1, launcher="in_process"))


def test_one_rank_in_process_sees_one_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[Any, ...]] = []
    monkeypatch.setattr(launch, "find_gpu", lambda *arguments: arguments)
    monkeypatch.setattr(launch, "run_alone", lambda program, gpu: seen.append(gpu))
    nothing: Any = None
    LAUNCHERS["in_process"](nothing, nothing)
    assert seen == [((), 0)]


def test_a_missing_horovod_names_the_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "find_spec", lambda name: None)
    no_spark: Any = None
    with pytest.raises(SetupError, match=r"make wheel.*conf/horovod/build_wheel\.sh"):
        check_launch(no_spark, TrainConfig(network="mlp", num_ranks=2))


def test_horovods_own_launcher_is_refused_on_spark_connect() -> None:
    connect: Any = type("SparkSession", (), {"__module__": "pyspark.sql.connect.session"})()
    with pytest.raises(ConfigError, match="classic Spark"):
        check_launch(connect, TrainConfig(network="mlp", num_ranks=2, launcher="horovod_spark"))


def test_tasks_run_in_the_driver_where_a_classic_session_has_a_local_master() -> None:
    def session(module: str, master: str) -> Any:
        conf = type("Conf", (), {"get": lambda self, name, default: master})()
        return type("SparkSession", (), {"__module__": module, "conf": conf})()

    assert runs_in_driver(session("pyspark.sql.classic.session", "local[2]"))
    assert not runs_in_driver(session("pyspark.sql.classic.session", "local-cluster[2,1,1024]"))
    # The local master of a server may be on another machine.
    assert not runs_in_driver(session("pyspark.sql.connect.session", "local[2]"))


def test_tasks_that_cannot_run_python_are_explained_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(spark: Any, program: RankProgram) -> None:
        raise RuntimeError("Job aborted\n[PYTHON_VERSION_MISMATCH] Python in worker has different version: 3.12")

    monkeypatch.setitem(LAUNCHERS, "spark", fail)
    no_spark: Any = None
    with pytest.raises(SetupError, match="the executors run another Python than the driver's"):
        launch.launch(no_spark, RankProgram("module", (), str(tmp_path), 2, 60), "spark")


def test_torchs_own_process_group_is_for_pytorch() -> None:
    check_framework("torch_ddp", "torch")
    with pytest.raises(ConfigError, match="torch_ddp joins PyTorch ranks only, not keras"):
        check_framework("torch_ddp", "keras")


def test_ranks_that_would_share_a_gpu_are_refused() -> None:
    for amount, num_ranks in (("1", 4), ("0", 4), ("0.5", 1)):
        require_whole_gpus(amount, num_ranks)
    with pytest.raises(SetupError, match=r"resource\.gpu\.amount is 0\.25.*set it to 1"):
        require_whole_gpus("0.25", 2)


@pytest.mark.parametrize("launcher", ["spark", "horovod_spark", "torch_ddp"])
@pytest.mark.parametrize("compute", [Compute.STANDARD, Compute.SERVERLESS])
def test_compute_that_cannot_host_ranks_is_refused_with_what_can(
    monkeypatch: pytest.MonkeyPatch, launcher: str, compute: Compute
) -> None:
    monkeypatch.setattr(launch, "find_compute", lambda spark: compute)
    no_spark: Any = None
    message = rf"^ranks cannot run on {compute} compute of Databricks: use dedicated compute .* Databricks Runtime ML"
    with pytest.raises(SetupError, match=message) as raised:
        check_launch(no_spark, TrainConfig(network="mlp", num_ranks=2, launcher=launcher))
    assert len(str(raised.value).splitlines()) == 1
    check_launch(no_spark, TrainConfig(network="mlp", launcher="in_process"))


def test_other_compute_can_host_ranks() -> None:
    require_compute(Compute.DEDICATED)
    require_compute(Compute.ELSEWHERE)
