"""The gates: wrong exports are caught, each by the name of its gate, with the first row that shows it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pyarrow as pa
import pytest
from onnx import TensorProto, helper, numpy_helper

from dbx_dl.contracts import FeatureSpec, ImageSpec, TaskName
from dbx_dl.errors import ExportError
from dbx_dl.export.gates import FILE_GATES, GATES, Candidate, Tolerances, run_gates
from dbx_dl.export.model_files import write_model
from dbx_dl.export.parity import HeldOutRows, summarize_parity
from dbx_dl.frameworks.interface import ObjectiveRequest
from dbx_dl.frameworks.measures import SupervisedMeasures
from dbx_dl.score.model.session import open_model
from dbx_dl.score.predictions import predict_structs
from dbx_dl.tasks import list_output_kinds, task_of
from dbx_dl.transforms.columns import TabularEncoder
from tests.image_bytes import encode_pixels
from tests.onnx_models import make_metadata, make_network, make_weights
from tests.prepared_tables import SPEC, describe

COLOURED = ImageSpec(height=6, width=5, channels=3)
NAMES = ("dark", "bright", "mixed")
WEIGHTS = make_weights(COLOURED, 3)
PIXELS = np.random.default_rng(3).integers(0, 256, (20, 6, 5, 3), np.uint8)
LABELS = np.arange(20) % 3


def make_candidate(path: Path, network: onnx.ModelProto, num_rows: int = 20, **changes: Any) -> Candidate:
    """A file around `network`, held against the network with WEIGHTS; the test split are the same rows."""
    metadata = make_metadata(COLOURED, NAMES)
    write_model(network, changes.pop("written", metadata), path)
    logits_nc = PIXELS[:num_rows].reshape(num_rows, -1).astype(np.float32) / 255 @ WEIGHTS
    contents = pa.array([encode_pixels(pixels) for pixels in PIXELS[:num_rows]], pa.binary())
    rows = pa.RecordBatch.from_arrays([contents], ["content"])
    keys = [f"{row}.png" for row in range(num_rows)]
    predictions = SupervisedMeasures(ObjectiveRequest()).predict(logits_nc)

    def predict_test(file: str) -> pa.Table:
        found = [row["probabilities"] for part in predict_structs(open_model(file), rows) for row in part.to_pylist()]
        lists = pa.array(found, pa.list_(pa.float32()))
        return pa.table({"path": keys, "label_index": LABELS[:num_rows], "probabilities": lists})

    values: dict[str, Any] = {
        "metadata": metadata,
        "held_out": HeldOutRows(rows, keys, {"probabilities": predictions}),
        "prepared": describe(path.parent, 0, {"test": num_rows}, COLOURED, NAMES, key_column="path"),
        "tolerances": Tolerances(1e-4, 1e-4, 1e-4),
        "predict_test": predict_test,
        "reference": SupervisedMeasures(ObjectiveRequest()).measure(
            {"labels": LABELS[:num_rows], "predictions": predictions}
        ),
    }
    return Candidate(path=path, **{**values, **changes})


def right_network() -> onnx.ModelProto:
    return make_network(COLOURED, WEIGHTS)


def freeze_batch() -> onnx.ModelProto:
    network = right_network()
    network.graph.initializer.append(numpy_helper.from_array(np.array([2, 90]), "frozen"))
    network.graph.node[2].CopyFrom(helper.make_node("Reshape", ["scaled", "frozen"], ["flat"]))
    return network


def normalize_over_batch() -> onnx.ModelProto:
    network = right_network()
    network.graph.node[3].output[0] = "product"
    network.graph.initializer.append(numpy_helper.from_array(np.array([0]), "axis"))
    network.graph.node.extend(
        [
            helper.make_node("ReduceMean", ["product", "axis"], ["mean"], keepdims=1),
            helper.make_node("Sub", ["product", "mean"], ["logits"]),
        ]
    )
    return network


def swap_channels() -> onnx.ModelProto:
    return make_network(COLOURED, np.ascontiguousarray(WEIGHTS.reshape(30, 3, 3)[:, ::-1].reshape(90, 3)))


def read_as_nchw() -> onnx.ModelProto:
    """Weights that are right for rows whose bytes mean (C, H, W)."""
    return make_network(COLOURED, np.ascontiguousarray(WEIGHTS.reshape(30, 3, 3).transpose(1, 0, 2).reshape(90, 3)))


def change_mean(*by_channel: float) -> onnx.ModelProto:
    network = right_network()
    network.graph.initializer.append(numpy_helper.from_array(np.array(by_channel or [0.1], np.float32), "mean"))
    network.graph.node[2].input[0] = "centered"
    network.graph.node.insert(2, helper.make_node("Sub", ["scaled", "mean"], ["centered"]))
    return network


def shuffle_labels() -> onnx.ModelProto:
    return make_network(COLOURED, np.ascontiguousarray(WEIGHTS[:, [1, 2, 0]]))


def add_noise() -> onnx.ModelProto:
    network = right_network()
    network.graph.node[3].output[0] = "product"
    noise = helper.make_node("RandomNormalLike", ["product"], ["noise"], scale=1e-6, dtype=TensorProto.FLOAT)
    network.graph.node.extend([noise, helper.make_node("Add", ["product", "noise"], ["logits"])])
    return network


def use_nothing() -> onnx.ModelProto:
    network = right_network()
    network.graph.node[3].input[0] = "nothing"
    return network


def test_the_right_file_passes_all_gates(tmp_path: Path) -> None:
    candidate = make_candidate(tmp_path / "m.onnx", right_network())
    run_gates(candidate)
    parity = summarize_parity(candidate.differences, candidate.metadata, 1e-4)
    assert parity.num_rows == 20 and parity.share_equal_classes == 1.0 and parity.max_abs_difference < 1e-5
    assert list(GATES) == ["validity", "loading", "batch_sizes", "determinism", "agreement", "metrics"]


ROWS = r"row '0\.png', label '\w+': \S+ instead of \S+ \(tolerance 0\.0001; 20 of 20 rows differ\)"
NORMALISED = "its pixels are normalised with another mean or scale: with"
WRONG: dict[str, tuple[Callable[[], onnx.ModelProto], str]] = {
    "frozen batch": (freeze_batch, "gate batch_sizes: it fails on a batch of 1 rows"),
    "batch statistics": (
        normalize_over_batch,
        r"gate batch_sizes: row .0.png. gets other .* in batches of 2",
    ),
    "swapped channels": (swap_channels, rf"gate agreement: .*{ROWS}; its channels are swapped"),
    "channels first": (read_as_nchw, rf"gate agreement: .*{ROWS}; its axes are swapped: it reads pixels as \(N, C"),
    "changed mean": (change_mean, rf"gate agreement: .*{ROWS}; {NORMALISED} 1x \+ 25\.5 instead of x it would agree"),
    "changed means": (
        partial(change_mean, 0.1, 0.0, -0.02),
        rf"gate agreement: .*{ROWS}; {NORMALISED} \S+x .* by channel instead of x it would agree",
    ),
    "shuffled labels": (shuffle_labels, rf"gate agreement: .*{ROWS}; its labels are shuffled"),
    "noise": (add_noise, r"gate determinism: row '0.png' gets other probabilities in a second run"),
    "no graph": (use_nothing, "gate validity: the file is no valid ONNX model"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_export_is_caught_by_name(tmp_path: Path, wrong: str) -> None:
    change, message = WRONG[wrong]
    with pytest.raises(ExportError, match=message):
        run_gates(make_candidate(tmp_path / "m.onnx", change()))


def test_label_names_in_another_order_are_caught(tmp_path: Path) -> None:
    written = make_metadata(COLOURED, ("bright", "dark", "mixed"))
    with pytest.raises(ExportError, match=r"gate loading: the file's metadata say target .*'bright', 'dark'"):
        run_gates(make_candidate(tmp_path / "m.onnx", right_network(), written=written))


def test_few_rows_still_test_every_batch_size(tmp_path: Path) -> None:
    run_gates(make_candidate(tmp_path / "m.onnx", right_network(), num_rows=1))
    with pytest.raises(ExportError, match="gate batch_sizes: it fails on a batch of 1"):
        run_gates(make_candidate(tmp_path / "frozen.onnx", freeze_batch(), num_rows=1))


def test_the_first_differing_row_is_named(tmp_path: Path) -> None:
    candidate = make_candidate(tmp_path / "m.onnx", right_network())
    expected = candidate.held_out.expected["probabilities"]
    expected[4, 1] += 0.3
    with pytest.raises(ExportError, match=r"row '4.png', label 'bright'.*1 of 20 rows differ"):
        run_gates(make_candidate(tmp_path / "m.onnx", right_network(), held_out=candidate.held_out))
    expected[2] = np.nan
    with pytest.raises(ExportError, match=r"row '2.png'.*instead of nan.*2 of 20 rows differ"):
        run_gates(make_candidate(tmp_path / "m.onnx", right_network(), held_out=candidate.held_out))


def test_a_row_that_cannot_be_scored_fails_the_gate(tmp_path: Path) -> None:
    candidate = make_candidate(tmp_path / "m.onnx", right_network(), num_rows=2)
    rows = pa.RecordBatch.from_arrays([pa.array([encode_pixels(PIXELS[0]), b"x"], pa.binary())], ["content"])
    held_out = HeldOutRows(rows, ["a", "b"], candidate.held_out.expected)
    with pytest.raises(ExportError, match="it cannot score held-out row 1: not_an_image"):
        run_gates(make_candidate(tmp_path / "m.onnx", right_network(), num_rows=2, held_out=held_out))


def test_metrics_that_training_did_not_measure_are_caught(tmp_path: Path) -> None:
    right = make_candidate(tmp_path / "m.onnx", right_network()).reference
    for name, value in (("log_loss", right["log_loss"] + 2e-3), ("accuracy", right["accuracy"] - 0.05)):
        with pytest.raises(ExportError, match=rf"gate metrics: {name} of the test split is \S+, training measured"):
            run_gates(make_candidate(tmp_path / "m.onnx", right_network(), reference={**right, name: value}))
    run_gates(make_candidate(tmp_path / "m.onnx", right_network(), reference={}))


def test_the_metrics_gate_names_a_row_where_training_left_its_predictions(tmp_path: Path) -> None:
    right = make_candidate(tmp_path / "m.onnx", right_network())
    rows = dict(zip(right.held_out.keys, right.held_out.expected["probabilities"].copy(), strict=True))
    rows["7.png"] = np.array([0.5, 0.25, 0.25])
    changes = {"reference": {"accuracy": 0.0}, "training_rows": rows}
    with pytest.raises(ExportError, match=r"the first row that differs is '7\.png': .* instead of 0\.5, 0\.25, 0\.25$"):
        run_gates(make_candidate(tmp_path / "m.onnx", right_network(), **changes))


@pytest.mark.parametrize(
    ("task", "names"),
    [
        ("multilabel", ("a", "b")),
        *((task, ()) for task in ("regression", "count", "quantiles", "gaussian", "negative_binomial")),
    ],
)
def test_files_of_every_task_pass_and_wrong_ones_are_told(
    tmp_path: Path, task: TaskName, names: tuple[str, ...]
) -> None:
    scaling = {"label_center": 300.0, "label_scale": 70.0} if task_of(task).is_scaled else {}
    metadata = make_metadata(SPEC, names, task=task, **scaling)
    weights = make_weights(SPEC, task_of(metadata.target).count_outputs(metadata.target))
    write_model(make_network(SPEC, weights), metadata, tmp_path / "m.onnx")
    rows = pa.RecordBatch.from_pydict({"x": [0.1, None, 2.0], "y": [1.0, 0.3, -1.0], "colour": ["red", "blue", None]})
    logits_nc = (TabularEncoder(SPEC).encode(rows) @ weights).astype(np.float32)
    expected = SupervisedMeasures(ObjectiveRequest(task=task, **scaling)).predict(logits_nc)
    held_out = HeldOutRows(rows, ["a", "b", "c"], {list_output_kinds(metadata)[0]: expected})
    candidate = Candidate(
        path=tmp_path / "m.onnx",
        metadata=metadata,
        held_out=held_out,
        prepared=describe(tmp_path, 0, {}, FeatureSpec(features=SPEC.features), names),
        tolerances=Tolerances(1e-4, 1e-4, 1e-4),
        predict_test=lambda file: pa.table({}),
    )
    run_gates(candidate, FILE_GATES)
    parity = summarize_parity(candidate.differences, metadata, 1e-4)
    assert parity.share_equal_classes == 1.0 and parity.max_abs_difference < 1e-5
    expected[1] *= 1.02
    what = "label 'a'|label 'b'" if names else "value[^:]*"
    with pytest.raises(ExportError, match=f"gate agreement: .*row 'b', ({what}): .*1 of 3 rows differ"):
        run_gates(fresh(candidate), FILE_GATES)


def fresh(candidate: Candidate) -> Candidate:
    """The candidate without what it remembers."""
    names = Candidate.__dataclass_fields__
    return Candidate(**{name: getattr(candidate, name) for name in names})
