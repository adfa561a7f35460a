"""Explanations of a run: what is refused before anything is done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from dbx_dl.config import ExplainConfig, ImportanceConfig, RunConfig, load_run_config
from dbx_dl.contracts import RegisteredModel
from dbx_dl.demo import breast_cancer_run, digits_run
from dbx_dl.errors import ConfigError, DataError
from dbx_dl.explaining import card_run, explain_run, name_network, plan_overall
from tests.e2e.conftest import write_config
from tests.onnx_models import describe_onnx, make_model, write_linear_model
from tests.prepared_tables import write_feature_table


def test_a_run_without_a_section_is_told_what_to_add(tmp_path: Path) -> None:
    config = digits_run(tmp_path).model_copy(update={"explain": None})
    with pytest.raises(ConfigError, match="has no section explain: add one with a `table`"):
        explain_run(None, config)  # type: ignore[arg-type]


def test_a_card_needs_a_registered_version_of_one_of_the_runs_frameworks(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"keras.registered.json does not exist: run the stage that writes it first"):
        card_run(digits_run(tmp_path), "keras")
    with pytest.raises(ConfigError, match="has no framework 'jax': choose one of keras, torch"):
        card_run(digits_run(tmp_path), "jax")


def test_settings_take_the_place_of_the_files_and_are_checked(tmp_path: Path) -> None:
    path = write_config(digits_run(tmp_path), tmp_path / "run.yml")
    config = load_run_config(path, ["explain.method=grad_cam", "explain.gradients.num_steps=8", "card.contact=us"])
    assert config.explain is not None and config.explain.method == "grad_cam" and config.card.contact == "us"
    assert config.explain.gradients.num_steps == 8
    for setting, problem in (("explain.method=lime", "explain.method"), ("explain.top=3", "top_k")):
        with pytest.raises(ConfigError, match=problem):
            load_run_config(path, [setting])
    with pytest.raises(ValueError, match="name one twice"):
        ExplainConfig(table="t", dependence={"columns": ("a", "a")})  # type: ignore[arg-type]


def test_a_runs_own_network_may_be_rebuilt_where_the_section_names_no_other(tmp_path: Path) -> None:
    path = write_config(digits_run(tmp_path), tmp_path / "run.yml")

    def name(*settings: str) -> str | None:
        config = load_run_config(path, ["explain.table=t", *settings])
        assert config.explain is not None
        return name_network(config.explain, config).own_network

    assert name() is None
    assert name("train.network=mine.networks:build", "train.network_options={}") == "mine.networks:build"
    assert name("train.network=a.b:c", "train.network_options={}", "explain.own_network=d.e:f") == "d.e:f"
    with pytest.raises(ConfigError, match=r"explain\.own_network: .*\(got 'convnet'\)"):
        name("explain.own_network=convnet")


@pytest.fixture
def run_of_columns(tmp_path: Path) -> RunConfig:
    """A run with one registered model of a table, and the section's defaults."""
    config = breast_cancer_run(tmp_path)
    prepared = write_feature_table(tmp_path / "table", {"train": 20, "test": 10})
    write_linear_model(tmp_path / "model.onnx", prepared.inputs)
    registered = RegisteredModel(
        name="cells", version=1, uri="models:/cells/1", onnx=describe_onnx(prepared, tmp_path / "model.onnx")
    )
    registered.save(Path(config.directory) / config.frameworks[0] / "registered.json")
    return config


def section_of(model: Path, **changes: Any) -> ExplainConfig:
    return ExplainConfig(table="t", model=str(model), **changes)


def test_what_matters_overall_is_left_out_where_nobody_asked_for_it_and_it_cannot_be_told(
    run_of_columns: RunConfig, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    whole = plan_overall(run_of_columns, section_of(tmp_path / "model.onnx"))
    assert whole.prepared is not None and whole.importance == ImportanceConfig() and whole.dependence is not None
    folder = tmp_path / "other"
    folder.mkdir()
    write_foreign_model(folder / "model.onnx")
    other = plan_overall(run_of_columns, section_of(folder / "model.onnx"))
    assert other.importance is None and other.dependence is None and "is of another origin" in caplog.text
    with pytest.raises(ConfigError, match=r"is of another origin: leave out explain.importance"):
        plan_overall(run_of_columns, section_of(folder / "model.onnx", importance={}))
    with pytest.raises(ConfigError, match=r"which table .* was not prepared with: leave out explain.dependence"):
        plan_overall(run_of_columns, section_of(folder / "model.onnx", dependence={"num_points": 3}))
    none = plan_overall(run_of_columns, section_of(folder / "model.onnx", importance=None, dependence=None))
    assert none.prepared is None


def test_a_run_of_clusters_has_curves_alone(run_of_columns: RunConfig, tmp_path: Path) -> None:
    path = Path(run_of_columns.directory) / run_of_columns.frameworks[0] / "registered.json"
    registered = RegisteredModel.load(path)
    trained = registered.onnx.trained
    target = trained.prepared.target.model_copy(update={"task": "clustering"})
    prepared = trained.prepared.model_copy(update={"target": target})
    trained = trained.model_copy(update={"prepared": prepared})
    registered.model_copy(update={"onnx": registered.onnx.model_copy(update={"trained": trained})}).save(path)
    found = plan_overall(run_of_columns, section_of(tmp_path / "model.onnx"))
    assert found.importance is None and found.dependence is not None


def test_a_run_that_registered_nothing_is_explained_row_by_row(tmp_path: Path) -> None:
    config = breast_cancer_run(tmp_path)
    assert plan_overall(config, section_of(tmp_path / "model.onnx")).prepared is None
    with pytest.raises(DataError, match=r"registered.json does not exist"):
        plan_overall(config, section_of(tmp_path / "model.onnx", importance={"num_repeats": 2}))


def write_foreign_model(path: Path) -> None:
    """A file that says nothing of dbx_dl: the sum of two numbers."""
    model = make_model(
        [helper.make_node("ReduceSum", ["v", "axis"], ["y"], keepdims=0)],
        helper.make_tensor_value_info("v", TensorProto.FLOAT, ["N", 2]),
        helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N"]),
        {"axis": np.array([1])},
    )
    onnx.save(model, path)
