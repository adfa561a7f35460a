"""The bundle's jobs: parameters that the command line takes, tasks that fit together, clusters that fit the ranks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import typer

from dbx_dl.cli import app
from dbx_dl.config import load_run_config
from dbx_dl.pipeline import TASKS
from tests.rules.bundle_files import Place, list_resources, list_targets, resolve
from tests.rules.source_files import ROOT

JOBS = [place for place in list_resources() if place.kind == "jobs"]
TRAININGS = [place for place in JOBS if place.name.startswith("training")]
PARAMETER = re.compile(r"\{\{job\.parameters\.(\w+)\}\}")
DYNAMIC = re.compile(r"\{\{([^}]*)\}\}")
TASK_VALUE = re.compile(r"tasks\.(\w+)\.values\.(\w+)")
# GPUs of a node, as Azure and AWS document their sizes.
GPUS = {"Standard_NC4as_T4_v3": 1, "g5.xlarge": 1, "g4dn.xlarge": 1, "Standard_NC24ads_A100_v4": 1}
# What stages leave beside contracts: `pipeline.promote_run` and `watching.monitor_run` set it.
OTHER_VALUES = {"promote": {"has_new_champion"}, "monitor": {"should_retrain"}}
GIVEN = {"job.run_id": "123"}


def name_of(place: Place) -> str:
    return place.name


def scripts(place: Place, target: str = "dev") -> list[tuple[str, str, list[str]]]:
    """Task, script and arguments of every Python task, for a target, with its parameters' defaults filled in."""
    job = resolve(place.values, target)
    defaults = {it["name"]: str(it["default"]) for it in job["parameters"]}

    def fill(text: str) -> str:
        return DYNAMIC.sub(
            lambda found: {**GIVEN, **{f"job.parameters.{k}": v for k, v in defaults.items()}}[found[1]], text
        )

    tasks = [task for task in job["tasks"] if "spark_python_task" in task]
    return [
        (
            task["task_key"],
            Path(task["spark_python_task"]["python_file"]).stem,
            [fill(text) for text in task["spark_python_task"]["parameters"]],
        )
        for task in tasks
    ]


@pytest.mark.parametrize("place", JOBS, ids=name_of)
def test_parameters_are_given_and_used(place: Place) -> None:
    given = {it["name"] for it in place.values["parameters"]}
    assert set(PARAMETER.findall(str(place.values["tasks"]))) == given
    dynamic = {name for name in DYNAMIC.findall(str(place.values)) if not name.startswith("job.parameters.")}
    assert {name for name in dynamic if name not in GIVEN and not TASK_VALUE.fullmatch(name)} == set()


@pytest.mark.parametrize("target", list_targets())
@pytest.mark.parametrize("place", JOBS, ids=name_of)
def test_the_command_line_takes_the_parameters(place: Place, target: str) -> None:
    command = typer.main.get_command(app)
    for _, script, arguments in scripts(place, target):
        assert f'main("{script}")' in (ROOT / "jobs" / f"{script}.py").read_text(encoding="utf-8")
        chosen = command.commands[script]  # type: ignore[attr-defined]
        with chosen.make_context(script, list(arguments)) as context:
            given = context.params
        config = ROOT / Path(given["config"]).relative_to("/Workspace/bundle/files")
        run = load_run_config(config, given["settings"])
        assert run.tracking.uri == "databricks" and run.tracking.git_commit == "0a1b2c3"
        assert run.directory.startswith("/Volumes/") and run.directory.endswith("/123")


def test_monitoring_takes_windows_by_time_from_the_file(tmp_path: Path) -> None:
    (place,) = [place for place in JOBS if place.name == "monitoring"]
    ((_, script, arguments),) = scripts(place)
    command = typer.main.get_command(app).commands[script]  # type: ignore[attr-defined]
    with command.make_context(script, list(arguments)) as context:
        given = context.params
    text = (ROOT / Path(given["config"]).relative_to("/Workspace/bundle/files")).read_text(encoding="utf-8")
    config = tmp_path / "run.yml"
    config.write_text(f"{text}\nmonitor:\n  windows: {{by: time, column: ordered_at, hours: 168}}\n", encoding="utf-8")
    windows = load_run_config(config, given["settings"]).monitor.windows
    assert (windows.by, windows.column) == ("time", "ordered_at")


def test_the_command_line_refuses_another_parameter() -> None:
    chosen = typer.main.get_command(app).commands["train"]  # type: ignore[attr-defined]
    with pytest.raises(Exception, match="No such option"):
        chosen.make_context("train", ["--config", "a.yml", "--ranks", "2"])


@pytest.mark.parametrize("place", JOBS, ids=name_of)
def test_tasks_fit_together(place: Place) -> None:
    tasks = {task["task_key"]: task for task in place.values["tasks"]}
    clusters = {it["job_cluster_key"] for it in place.values.get("job_clusters", [])}
    environments = {it["environment_key"] for it in place.values.get("environments", [])}
    for key, task in tasks.items():
        assert {it["task_key"] for it in task.get("depends_on", [])} <= set(tasks)
        assert {task["job_cluster_key"]} <= clusters if "job_cluster_key" in task else True
        assert {task["environment_key"]} <= environments if "environment_key" in task else True
        assert {"job_cluster_key", "environment_key", "condition_task", "run_job_task"} & set(task), key
        for source, value in TASK_VALUE.findall(str(task)):
            assert source in _list_upstream(key, tasks)
            assert value in OTHER_VALUES[source]
        for needed in task.get("depends_on", []):
            assert ("outcome" in needed) == ("condition_task" in tasks[needed["task_key"]])
    assert clusters == {task["job_cluster_key"] for task in tasks.values() if "job_cluster_key" in task}


@pytest.mark.parametrize("place", JOBS, ids=name_of)
def test_tasks_are_named_after_what_they_leave(place: Place) -> None:
    stages = set(TASKS.values())
    assert [(key, script) for key, script, _ in scripts(place) if key != script or script not in stages] == []


@pytest.mark.parametrize("place", TRAININGS, ids=name_of)
def test_a_training_goes_the_whole_way(place: Place) -> None:
    order = [task["task_key"] for task in place.values["tasks"]]
    stages = ["prepare", "train", "export", "register", "may_promote", "promote", "has_new_champion"]
    path = [*stages, "is_deployed_run", "score"]
    assert order == path
    tasks = {task["task_key"]: task for task in place.values["tasks"]}
    assert [[it["task_key"] for it in tasks[key].get("depends_on", [])] for key in path] == [
        [],
        *([it] for it in path[:-1]),
    ]


@pytest.mark.parametrize("place", JOBS, ids=name_of)
def test_a_job_starts_another_with_parameters_that_it_has(place: Place) -> None:
    for task in place.values["tasks"]:
        if "run_job_task" not in task:
            continue
        named = re.fullmatch(r"\$\{resources\.jobs\.(\w+)\.id\}", task["run_job_task"]["job_id"])
        assert named is not None
        other = next(job for job in JOBS if job.name == named[1])
        parameters = {it["name"] for it in other.values["parameters"]}
        assert set(task["run_job_task"]["job_parameters"]) <= parameters


@pytest.mark.parametrize("target", list_targets())
@pytest.mark.parametrize("place", TRAININGS, ids=name_of)
def test_clusters_have_a_gpu_for_every_rank(place: Place, target: str) -> None:
    job = resolve(place.values, target)
    num_ranks = next(int(it["default"]) for it in job["parameters"] if it["name"] == "num_ranks")
    train = next(task for task in job["tasks"] if task["task_key"] == "train")
    cluster = _cluster_of(job, train["job_cluster_key"])
    assert "autoscale" not in cluster and "-gpu-ml-" in cluster["spark_version"]
    assert cluster["data_security_mode"] == "SINGLE_USER"
    script = cluster["init_scripts"][0]["volumes"]["destination"]
    assert script == f"{cluster['spark_env_vars']['DBX_DL_HOROVOD_WHEELS']}/install_wheel.sh"
    assert (ROOT / "conf" / "horovod" / Path(script).name).is_file()
    num_nodes = max(1, int(cluster["num_workers"]))
    assert num_nodes * GPUS[cluster["node_type_id"]] == num_ranks
    if int(cluster["num_workers"]) == 0:
        assert cluster["spark_conf"]["spark.databricks.cluster.profile"] == "singleNode"
        assert cluster["custom_tags"]["ResourceClass"] == "SingleNode"
    else:
        assert cluster["spark_conf"]["spark.task.resource.gpu.amount"] == "1"


@pytest.mark.parametrize("place", JOBS, ids=name_of)
def test_jobs_can_be_run_unattended(place: Place) -> None:
    job = place.values
    assert job["email_notifications"]["on_failure"] == "${var.notified}"
    assert job["max_concurrent_runs"] == 1
    if "continuous" in job:
        assert "timeout_seconds" not in job and "trigger" not in job
        assert job["email_notifications"]["on_streaming_backlog_exceeded"] == "${var.notified}" and job["health"]
        return
    assert job["timeout_seconds"] > 0
    for task in job["tasks"]:
        if "spark_python_task" in task:
            assert task["max_retries"] > 0 and 0 < task["timeout_seconds"] < job["timeout_seconds"]


def test_scoring_waits_for_its_table_or_is_serverless() -> None:
    jobs = {place.name: place.values for place in JOBS}
    assert jobs["scoring"]["trigger"]["table_update"]["table_names"] == ["${var.scoring_source}"]
    assert "job_clusters" not in jobs["scoring_serverless"]
    same = ("config", "source", "source_format", "key", "model", "table", "mode", "directory", "git_commit")
    for name in ("scoring", "scoring_serverless"):
        assert tuple(it["name"] for it in jobs[name]["parameters"]) == same


def _cluster_of(job: dict[str, Any], key: str) -> dict[str, Any]:
    return next(it["new_cluster"] for it in job["job_clusters"] if it["job_cluster_key"] == key)


def _list_upstream(key: str, tasks: dict[str, Any]) -> set[str]:
    direct = {it["task_key"] for it in tasks[key].get("depends_on", [])}
    return direct | {other for task in direct for other in _list_upstream(task, tasks)}


def test_every_parameter_is_documented() -> None:
    text = (ROOT / "docs" / "databricks.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `(\w+)` \| (?:all|trainings|scoring|streaming|monitoring)", text, re.MULTILINE))
    assert documented == {it["name"] for place in JOBS for it in place.values["parameters"]}
    assert [place.name for place in JOBS if f"| `{place.name}` |" not in text] == []
