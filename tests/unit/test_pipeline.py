"""The pipeline calls the stages in order, keeps what they return and stops at the first failure."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import dbx_dl
from dbx_dl import pipeline
from dbx_dl.config import Dimension, RunConfig, SearchConfig
from dbx_dl.contracts import PreparedTable, Promotion, SearchResult, TrainedModel
from dbx_dl.demo import breast_cancer_run, digits_run
from dbx_dl.errors import ConfigError, DataError
from dbx_dl.monitor.run_report import page
from dbx_dl.prepare.images import samples
from dbx_dl.train import launch
from tests.fake_databricks import FakeDatabricks
from tests.unit.monitor.run_report.finished_run import finished_run

SPARK: Any = None


@pytest.fixture()
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Stages that return the contracts of a finished run and note that they were called."""
    made = finished_run("images")
    by_framework = {model.onnx.trained.framework: model for model in made.registered}
    noted: list[str] = []

    def note(name: str, value: Any) -> Any:
        noted.append(name)
        return value

    stages = {
        "prepare_images": lambda spark, config: note("prepare_images", made.prepared),
        "prepare_table": lambda spark, config: note("prepare_table", made.prepared),
        "train_network": lambda spark, prepared, config, *, framework, directory, tracking, resume: note(
            f"train {framework} in {Path(directory).name}", by_framework[framework].onnx.trained
        ),
        "export_onnx": lambda spark, trained, config, *, directory: note(
            f"export {trained.framework}", by_framework[trained.framework].onnx
        ),
        "register_model": lambda onnx, config, *, tracking: note(
            f"register {onnx.trained.framework}", by_framework[onnx.trained.framework]
        ),
        "promote_model": lambda spark, candidates, config, *, tracking: note(
            f"promote one of {[model.version for model in candidates]}", made.promotion
        ),
        "score_table": lambda spark, config, *, tracking: note("score", made.scored),
    }
    for name, stage in stages.items():
        monkeypatch.setattr(dbx_dl, name, stage, raising=False)
    monkeypatch.setattr(samples, "draw_file_samples", lambda spark, prepared, path: note("samples", Path(path)))
    monkeypatch.setattr(launch, "check_launch", lambda spark, config: note("check launch", None))
    monkeypatch.setattr(page, "write_report", lambda spark, outcomes, path, title: note("report", Path(path)))
    return noted


def test_stages_run_in_order_for_every_framework(calls: list[str], tmp_path: Path) -> None:
    outcome = pipeline.run_pipeline(SPARK, digits_run(tmp_path))
    assert calls == [
        "check launch",
        *("prepare_images", "samples"),
        *("train keras in keras", "export keras", "register keras"),
        *("train torch in torch", "export torch", "register torch"),
        "promote one of [1, 2]",
        "score",
        "report",
    ]
    assert [model.version for model in outcome.registered] == [1, 2]


def test_contracts_lie_beside_the_run(calls: list[str], tmp_path: Path) -> None:
    config = digits_run(tmp_path)
    outcome = pipeline.run_pipeline(SPARK, config)
    place = Path(config.directory)
    names = sorted(str(path.relative_to(place)) for path in place.rglob("*.json"))
    assert names == [
        "keras/onnx.json",
        "keras/registered.json",
        "keras/trained.json",
        "prepared.json",
        "promotion.json",
        "scored.json",
        "torch/onnx.json",
        "torch/registered.json",
        "torch/trained.json",
    ]
    assert PreparedTable.load(place / "prepared.json") == outcome.prepared
    assert TrainedModel.load(place / "torch" / "trained.json") == outcome.registered[1].onnx.trained
    assert Promotion.load(place / "promotion.json") == outcome.promotion


def test_tables_are_prepared_as_tables(calls: list[str], tmp_path: Path) -> None:
    pipeline.prepare_run(SPARK, breast_cancer_run(tmp_path))
    assert calls == ["prepare_table"]


def test_a_failing_stage_ends_the_run(calls: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise DataError("no rows")

    monkeypatch.setattr(dbx_dl, "export_onnx", fail, raising=False)
    config = digits_run(tmp_path)
    with pytest.raises(DataError, match="no rows"):
        pipeline.run_pipeline(SPARK, config)
    assert calls[-1] == "train keras in keras"
    assert not (Path(config.directory) / "keras" / "onnx.json").exists()


def test_a_metric_that_cannot_decide_is_refused_before_training(calls: list[str], tmp_path: Path) -> None:
    config = digits_run(tmp_path)
    pipeline.prepare_run(SPARK, config)
    place = Path(config.directory) / "prepared.json"
    prepared = PreparedTable.load(place)
    unlabelled = prepared.target.model_copy(update={"label_names": (), "task": "regression"})
    prepared.model_copy(update={"target": unlabelled}).save(place)
    train = config.train.model_copy(update={"task": "clustering", "network": "kmeans", "num_clusters": 3})
    calls.clear()
    for metric, message in (
        ("adjusted_rand_index", "with classes: table .* has none"),
        ("accuracy", "is no metric of"),
    ):
        registry = config.registry.model_copy(update={"metric": metric})
        run = config.model_copy(update={"train": train, "registry": registry})
        with pytest.raises(ConfigError, match=message):
            pipeline.train_run(SPARK, run, "keras")
    assert calls == []


def _stage_calls(config: RunConfig) -> list[tuple[str, Any]]:
    return [
        ("prepared.json", "prepare", lambda: pipeline.train_run(SPARK, config, "keras")),
        ("trained.json", "train", lambda: pipeline.export_run(SPARK, config, "keras")),
        ("onnx.json", "export", lambda: pipeline.register_run(config, "keras")),
        ("registered.json", "register", lambda: pipeline.promote_run(SPARK, config)),
        ("prepared.json", "", lambda: pipeline.report_run(SPARK, config)),
    ]


@pytest.mark.parametrize("position", range(5))
def test_a_stage_says_which_file_it_lacks(calls: list[str], tmp_path: Path, position: int) -> None:
    missing, stage, call = _stage_calls(digits_run(tmp_path))[position]
    last = f", {stage}" if stage else ""
    with pytest.raises(DataError, match=f"{missing} does not exist: run the stage that writes it first{last}$"):
        call()
    assert calls == []


def test_a_framework_must_be_one_of_the_run(calls: list[str], tmp_path: Path) -> None:
    config = digits_run(tmp_path).model_copy(update={"frameworks": ("torch",)})
    with pytest.raises(ConfigError, match="no framework 'keras': choose one of torch"):
        pipeline.train_run(SPARK, config, "keras")


def test_a_search_leaves_its_result_and_the_best_model_where_training_does(
    calls: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = digits_run(tmp_path)
    with pytest.raises(ConfigError, match="run digits has no section search"):
        pipeline.search_run(SPARK, config, "keras")
    search = SearchConfig(num_trials=1, space={"batch_size": Dimension(choices=(8, 16))})
    config = config.model_copy(update={"search": search})
    prepared = pipeline.prepare_run(SPARK, config)
    found = SearchResult(
        study="s",
        run_id="r",
        metric="validation_accuracy",
        direction="maximize",
        best_number=0,
        best_values={"batch_size": 8},
        best_value=0.5,
        num_trials={"complete": 1},
        trials=(),
        importances={},
        best=finished_run("images").registered[0].onnx.trained,
    )

    def search_network(spark: Any, table: Any, train: Any, section: Any, **rest: Any) -> SearchResult:
        assert (table, train, section) == (prepared, config.train, search)
        return found

    monkeypatch.setattr(dbx_dl, "search_network", search_network, raising=False)
    assert pipeline.search_run(SPARK, config, "keras") == found
    place = Path(config.directory) / "keras"
    assert SearchResult.load(place / "search.json") == found
    assert TrainedModel.load(place / "trained.json") == found.best


def test_tasks_of_a_job_need_no_file_of_each_other(
    calls: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    databricks = FakeDatabricks()
    databricks.install(monkeypatch)
    config = digits_run(tmp_path)

    def in_task(name: str, *stages: Callable[[], Any]) -> None:
        databricks.task_values.task = name
        for stage in stages:
            stage()
        for file in tmp_path.rglob("*.json"):
            file.unlink()

    frameworks = config.frameworks
    in_task("prepare", lambda: pipeline.prepare_run(SPARK, config))
    in_task("train", *(partial(pipeline.train_run, SPARK, config, name) for name in frameworks))
    in_task("export", *(partial(pipeline.export_run, SPARK, config, name) for name in frameworks))
    in_task("register", *(partial(pipeline.register_run, config, name) for name in frameworks))
    in_task("promote", lambda: pipeline.promote_run(SPARK, config))
    assert calls[-1] == "promote one of [1, 2]"
    left = databricks.task_values.values
    assert set(left) == {"prepare", "train", "export", "register", "promote"} <= set(pipeline.TASKS.values())
    assert set(left["export"]) == {"onnx_keras", "onnx_torch"}
    assert json.loads(left["promote"]["has_new_champion"]) == "true"


def test_a_new_champion_is_another_one_than_before() -> None:
    promotion = finished_run("images").promotion
    assert promotion.champion_version == 2
    assert promotion.model_copy(update={"present_version": 1}).has_new_champion
    assert not promotion.model_copy(update={"present_version": 2}).has_new_champion
    assert not promotion.model_copy(update={"champion_version": None}).has_new_champion
