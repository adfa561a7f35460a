"""Tags and descriptions of a version, and the signature."""

from pathlib import Path

import pytest

from dbx_dl.contracts import TaskName
from dbx_dl.register.model_folder import describe_signature
from dbx_dl.register.model_version import describe_tags, describe_version
from dbx_dl.score.outputs.structs import prediction_fields
from dbx_dl.tasks import TASKS
from tests.onnx_models import describe_onnx, make_metadata
from tests.prepared_tables import IMAGES, SPEC, describe
from tests.unit.score.test_kinds import make_metadata as describe_target
from tests.unit.score.test_kinds import make_target


def test_tags_say_where_a_version_is_from(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(b"x")
    prepared = describe(tmp_path / "table", 3, {"train": 8, "test": 2}, SPEC, ("down", "up"))
    tags = describe_tags(describe_onnx(prepared, tmp_path / "m.onnx", {"accuracy": 0.98765432, "auc": 1.0}))
    assert tags["dbx_dl_table"] == str(tmp_path / "table") and tags["dbx_dl_table_version"] == "3"
    assert tags["dbx_dl_test_accuracy"] == "0.987654" and tags["dbx_dl_test_auc"] == "1"
    assert tags["dbx_dl_horovod_size"] == "2" and tags["dbx_dl_framework"] == "torch"
    assert tags["dbx_dl_onnx_parity"] == "1e-07" and len(tags["dbx_dl_sha256"]) == 64
    assert not [name for name in tags if set(name) & set(".,-=/:")]  # Unity Catalog refuses these in tag names


def test_the_description_is_for_people(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(b"x")
    prepared = describe(tmp_path / "table", 3, {"train": 8}, SPEC, tuple(f"label{k}" for k in range(25)))
    text = describe_version(describe_onnx(prepared, tmp_path / "m.onnx", {"accuracy": 0.5}))
    assert "trained with torch on 2 rank(s)" in text and "version 3, 8 training rows" in text
    assert "label19 and 5 more" in text and "accuracy 0.5000" in text


def test_a_description_shows_markup_of_class_names(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(b"x")
    prepared = describe(tmp_path / "table", 3, {"train": 8}, SPEC, ("<img src=x onerror=alert(1)>", "up"))
    text = describe_version(describe_onnx(prepared, tmp_path / "m.onnx", {"accuracy": 0.5}))
    assert "- Labels: &lt;img src=x onerror=alert(1)>, up\n" in text and "<" not in text


def test_signatures_name_raw_columns() -> None:
    signature = describe_signature(make_metadata(SPEC, ("down", "up")))
    assert [(c["name"], c["type"]) for c in signature.inputs.to_dict()] == [
        ("x", "double"),
        ("y", "double"),
        ("colour", "string"),
    ]
    signature = describe_signature(make_metadata(IMAGES, ("dark", "bright")))
    assert [(c["name"], c["type"]) for c in signature.inputs.to_dict()] == [("content", "binary")]


@pytest.mark.parametrize(
    ("task", "names", "outputs"),
    [
        ("multiclass", ("a", "b"), ["label", "probability", "probabilities", "error"]),
        ("multilabel", ("a", "b"), ["labels", "probabilities", "error"]),
        ("regression", (), ["value", "error"]),
    ],
)
def test_signatures_name_what_the_task_predicts(task: TaskName, names: tuple[str, ...], outputs: list[str]) -> None:
    found = describe_signature(make_metadata(IMAGES, names, task=task, embeddings="dense")).outputs.to_dict()
    assert [c["name"] for c in found] == [*outputs[:-1], "embedding", "error"]
    assert not any(c["required"] for c in found)  # a row that cannot be scored has an error alone


@pytest.mark.parametrize("name", sorted(TASKS))
def test_every_task_has_a_signature(name: str) -> None:
    metadata = describe_target(make_target(name))
    found = describe_signature(metadata).outputs.to_dict()
    assert [c["name"] for c in found] == list(prediction_fields(metadata))
