"""What `dbx-dl inspect` tells of files of ours and of others, and the metadata that travel in ours."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper
from typer.testing import CliRunner

from dbx_dl.cli import app
from dbx_dl.config import ExportConfig
from dbx_dl.contracts import ModelMetadata, Target
from dbx_dl.errors import DataError
from dbx_dl.export.inspection import inspect_model, list_facts
from dbx_dl.export.metadata import describe_model
from dbx_dl.score.model.session import digest_file
from tests.onnx_models import describe_trained, make_network, make_weights, write_linear_model
from tests.prepared_tables import IMAGES, SPEC, describe
from tests.unit.score.model.test_external_data import write_beside

GOLDEN = Path(__file__).with_name("golden_metadata.json")


def test_a_file_of_ours_tells_where_it_comes_from(tmp_path: Path) -> None:
    write_linear_model(tmp_path / "m.onnx", IMAGES)
    facts = inspect_model(tmp_path / "m.onnx")
    assert facts.metadata is not None and facts.metadata.inputs == IMAGES
    assert (facts.num_operators, facts.num_parameters) == (5, 61)
    assert facts.operators == {"Cast": 1, "Div": 1, "Flatten": 1, "MatMul": 1, "Softmax": 1}
    assert facts.size_bytes == (tmp_path / "m.onnx").stat().st_size and facts.sha256 == digest_file(tmp_path / "m.onnx")
    shown = dict(list_facts(facts))
    assert shown["input"] == "pixels: uint8 (N, 6, 5, 1)" and shown["output"] == "probabilities: float32 (N, 2)"
    assert shown["labels"] == "down, up" and "resize fill" in shown["takes"]
    assert shown["trained on"] == "nowhere version 0" and shown["opset"] == "ai.onnx 18"


def test_a_file_of_others_is_shown_too(tmp_path: Path) -> None:
    network = make_network(SPEC, make_weights(SPEC, 2))
    helper.set_model_props(network, {"author": "somebody"})
    onnx.save_model(network, str(tmp_path / "m.onnx"))
    facts = inspect_model(tmp_path / "m.onnx")
    assert facts.metadata is None and facts.properties == {"author": "somebody"}
    shown = dict(list_facts(facts))
    assert shown["origin"] == "not exported by dbx_dl" and shown["author"] == "somebody"


def test_inner_graphs_and_files_beside_count(tmp_path: Path) -> None:
    write_beside(tmp_path / "m.onnx")
    facts = inspect_model(tmp_path / "m.onnx")
    assert facts.data_files == ("m.onnx.data",)
    assert facts.size_bytes == sum(file.stat().st_size for file in tmp_path.iterdir())
    assert facts.num_parameters == 61
    assert "of which in m.onnx.data" in dict(list_facts(facts))["size"]


@pytest.mark.parametrize("content", [b"", b"no model at all", bytes(range(256))])
def test_what_is_no_onnx_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "m.onnx").write_bytes(content)
    with pytest.raises(DataError, match="is not an ONNX model"):
        inspect_model(tmp_path / "m.onnx")
    with pytest.raises(DataError, match="cannot read the model file"):
        inspect_model(tmp_path / "absent.onnx")
    with pytest.raises(DataError, match=r"models:/digits@champion: No such file or directory; give an ONNX file"):
        inspect_model("models:/digits@champion")


def test_the_command_prints_a_table_or_json(tmp_path: Path) -> None:
    write_linear_model(tmp_path / "m.onnx", SPEC)
    shown = CliRunner().invoke(app, ["inspect", str(tmp_path / "m.onnx")])
    assert shown.exit_code == 0 and "colour: string (N)" in shown.output and "parameters" in shown.output
    answered = CliRunner().invoke(app, ["inspect", str(tmp_path / "m.onnx"), "--json"])
    assert json.loads(answered.output)["metadata"]["target"]["label_names"] == ["down", "up"]
    refused = CliRunner().invoke(app, ["inspect", str(tmp_path / "absent.onnx")])
    assert refused.exit_code == 1


def test_metadata_are_those_of_the_golden_file(tmp_path: Path) -> None:
    """A change of this file is a change of what every exported model says: old versions may not read it."""
    found = {}
    for kind, inputs in (("images", IMAGES), ("table", SPEC)):
        prepared = describe(Path("tables") / kind, 7, {"test": 1}, inputs, ("down", "up"))
        task = Target(task="binary", column="label", label_names=("down", "up"))
        trained = describe_trained(prepared.model_copy(update={"target": task}), tmp_path, run_id="0123abcd")
        metadata = describe_model(trained, ExportConfig(embeddings="dense"), {"torch": "2.0"})
        assert {"dbx_dl", "onnx", "onnxruntime", "torch"} == set(metadata.versions)
        found[kind] = metadata.model_copy(update={"versions": {}}).model_dump(mode="json")
    assert found == json.loads(GOLDEN.read_text(encoding="utf-8"))
    for values in found.values():
        assert ModelMetadata.model_validate(values).inputs.digest == values["inputs_sha256"]


def test_the_digest_tells_specs_apart() -> None:
    other = SPEC.model_copy(update={"features": SPEC.features[::-1]})
    assert len({SPEC.digest, other.digest, IMAGES.digest}) == 3
    assert SPEC.digest == type(SPEC).model_validate_json(SPEC.model_dump_json()).digest
    assert np.all([len(digest) == 64 for digest in (SPEC.digest, IMAGES.digest)])
