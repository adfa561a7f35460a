"""Tags and descriptions of a version, and the signature."""

from pathlib import Path

from dbx_dl.register.model_folder import describe_signature
from dbx_dl.register.model_version import describe_tags, describe_version
from tests.onnx_models import describe_onnx
from tests.prepared_tables import IMAGES, SPEC, describe


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


def test_signatures_name_raw_columns() -> None:
    assert [(c["name"], c["type"]) for c in describe_signature(SPEC).inputs.to_dict()] == [
        ("x", "double"),
        ("y", "double"),
        ("colour", "string"),
    ]
    assert [(c["name"], c["type"]) for c in describe_signature(IMAGES).inputs.to_dict()] == [("content", "binary")]
    outputs = describe_signature(IMAGES).outputs.to_dict()
    assert [c["name"] for c in outputs] == ["label", "probability", "probabilities", "error"]
