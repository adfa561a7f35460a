"""Variants of a network beside the plain file: made, measured, kept or not, and chosen."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from dbx_dl.config import ExportConfig
from dbx_dl.contracts import ImageSpec, Variant
from dbx_dl.errors import ConfigError
from dbx_dl.export import competition
from dbx_dl.export.choice import choose_variant, find_metric, measure_loss
from dbx_dl.export.competition import Measured, compare_variants, describe_variant, measure_candidate
from dbx_dl.export.gates import run_gates
from dbx_dl.export.variants import VARIANTS
from tests.onnx_models import make_network
from tests.prepared_tables import SPEC, describe
from tests.unit.export.test_gates import COLOURED, PIXELS, WEIGHTS, make_candidate

NAMES = tuple(VARIANTS)


@pytest.fixture
def plain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Measured, Path]:
    """A plain file that passed its gates, and the network in it."""
    onnx.save_model(make_network(COLOURED, WEIGHTS), str(tmp_path / "network.onnx"))
    candidate = make_candidate(tmp_path / "model.onnx", make_network(COLOURED, WEIGHTS))
    run_gates(candidate)
    monkeypatch.setattr(competition, "_read_calibration", lambda prepared, num_rows: PIXELS[:num_rows])
    return measure_candidate(candidate), tmp_path / "network.onnx"


def test_all_variants_are_measured_side_by_side(plain: tuple[Measured, Path]) -> None:
    config = ExportConfig(variants=NAMES, max_metric_loss=0.2, choose_by="size")
    chosen, table = compare_variants(*plain, config, "accuracy")
    found = {variant.name: variant for variant in table}
    assert list(found) == ["plain", *NAMES]
    assert {name: found[name].precision for name in found} == {
        "plain": "float32",
        "optimized": "float32",
        "fp16": "float16",
        "int8_static": "int8",
        "int8_dynamic": "int8",
    }
    for name in ("plain", "optimized", "fp16", "int8_static"):
        variant = found[name]
        assert variant.is_kept and variant.metric_loss is not None and variant.metric_loss <= 0.2
        assert set(variant.metrics) == set(plain[0].candidate.metrics) and set(variant.latency_ms) == {1, 32}
    assert found["optimized"].max_abs_difference < 1e-5 < found["fp16"].max_abs_difference
    assert found["fp16"].max_abs_difference < found["int8_static"].max_abs_difference < 0.3
    # Its scales are those of the batch, so that a row's prediction depends on its company.
    assert not found["int8_dynamic"].is_kept and found["int8_dynamic"].reason.startswith("gate batch_sizes: row ")
    (best,) = (variant for variant in table if variant.is_chosen)
    assert best.name == chosen.candidate.metadata.variant and chosen.candidate.path.parent.name == best.name
    assert best.size_bytes == min(variant.size_bytes for variant in table if variant.is_kept)


def test_tools_leave_the_root_logger_as_it_is(plain: tuple[Measured, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    level = root.level
    compare_variants(*plain, ExportConfig(variants=("int8_dynamic",)), "accuracy")
    assert root.handlers == [] and root.level == level


def test_what_is_before_and_behind_the_network_stays_exact(plain: tuple[Measured, Path]) -> None:
    chosen, _ = compare_variants(*plain, ExportConfig(variants=("fp16",), choose_by="size"), "accuracy")
    model = onnx.load_model(str(chosen.candidate.path))
    assert [node.op_type for node in model.graph.node][-1] == "Softmax"
    kinds = {initializer.data_type for initializer in model.graph.initializer}
    assert onnx.TensorProto.FLOAT16 in kinds
    (pixels,), (output,) = model.graph.input, model.graph.output
    assert pixels.type.tensor_type.elem_type == onnx.TensorProto.UINT8
    assert output.type.tensor_type.elem_type == onnx.TensorProto.FLOAT


def test_a_variant_that_loses_too_much_or_cannot_be_made_is_told(
    plain: tuple[Measured, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    measured, network = plain
    worse = onnx.load_model(str(network))
    weights = numpy_helper.to_array(worse.graph.initializer[1]).copy()
    worse.graph.initializer[1].CopyFrom(numpy_helper.from_array(-weights, "weights"))

    def fail(source: Any) -> Any:
        raise RuntimeError("no kernel\nfor this")

    loose = ExportConfig(
        variants=("fp16", "int8_static"), low_precision_tolerances={"float16": 9, "int8": 9}, max_metric_loss=0.05
    )
    monkeypatch.setitem(VARIANTS, "fp16", replace(VARIANTS["fp16"], build=lambda source: worse))
    monkeypatch.setitem(VARIANTS, "int8_static", replace(VARIANTS["int8_static"], build=fail))
    chosen, table = compare_variants(measured, network, loose, "log_loss")
    assert chosen is measured and [variant.is_chosen for variant in table] == [True, False, False]
    assert table[1].reason.startswith("log_loss is worse by ") and table[1].metrics
    assert table[2].reason == "it cannot be made of this network: no kernel"
    assert "not kept: log_loss is worse by" in describe_variant(table[1], "log_loss")
    assert describe_variant(table[2], "log_loss").startswith("int8_static is not kept: it cannot be made")


def variant(name: str, accuracy: float, size: int, speed: float, is_kept: bool = True) -> Variant:
    return Variant(
        name=name,
        precision="int8",
        metrics={"accuracy": accuracy},
        size_bytes=size,
        latency_ms={1: 1.0, 32: speed},
        is_kept=is_kept,
    )


def test_the_measure_that_was_asked_for_decides() -> None:
    table = [variant("plain", 0.9, 100, 3.0), variant("a", 0.9, 90, 3.0), variant("b", 0.89, 95, 2.0)]
    table.append(variant("c", 0.99, 1, 0.1, is_kept=False))
    found = [choose_variant(table, "accuracy", ExportConfig(choose_by=by)).name for by in ("metric", "size", "speed")]
    assert found == ["plain", "a", "b"]


def test_losses_of_errors_are_relative() -> None:
    assert measure_loss("accuracy", 0.88, 0.9) == pytest.approx(0.02)
    assert measure_loss("rmse", 101.0, 100.0) == pytest.approx(0.01)
    assert measure_loss("log_loss", 0.5, 1.0) == pytest.approx(-0.5)


def test_a_metric_of_another_task_or_no_rows_is_refused_first(tmp_path: Path) -> None:
    prepared = describe(tmp_path, 0, {"train": 5}, SPEC, ("a", "b"))
    assert find_metric(prepared, ExportConfig()) == "accuracy"
    with pytest.raises(ConfigError, match="'rmse' is not for the task multiclass: choose one of accuracy"):
        find_metric(prepared, ExportConfig(metric="rmse"))
    with pytest.raises(ConfigError, match=r"has no test rows to measure export\.variants on"):
        find_metric(prepared, ExportConfig(variants=("fp16",)))


def test_no_variants_no_table(plain: tuple[Measured, Path]) -> None:
    assert compare_variants(*plain, ExportConfig(), "accuracy") == (plain[0], ())
    assert isinstance(plain[0].candidate.metadata.inputs, ImageSpec)
    assert np.isfinite(list(plain[0].latency_ms.values())).all()
