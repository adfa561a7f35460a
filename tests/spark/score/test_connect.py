"""The scorer on Spark Connect gives what it gives on classic Spark."""

from pathlib import Path

from dbx_dl.runtime.processes import call_in_process
from dbx_dl.score.model.session import open_model
from tests.onnx_models import write_linear_model
from tests.prepared_tables import IMAGES, draw_image, encode_png


def test_scoring_on_connect(tmp_path: Path) -> None:
    write_linear_model(tmp_path / "m.onnx", IMAGES, inline_bytes=64)  # two files on their way to the workers
    (tmp_path / "files").mkdir()
    pixels = draw_image(1, 1)
    for name, content in {"good.png": encode_png(pixels), "empty.png": b"", "text.png": b"text"}.items():
        (tmp_path / "files" / name).write_bytes(content)
    arguments = {
        "folder": str(tmp_path / "files"),
        "model": str(tmp_path / "m.onnx"),
        "table": str(tmp_path / "predictions"),
    }
    found = call_in_process("tests.spark.score.connect_process:score_pictures", arguments)
    session = open_model(tmp_path / "m.onnx")
    label = session.label_names[int(session.predict({"pixels": pixels[None, ..., None]}).argmax())]
    assert found["session"].startswith("pyspark.sql.connect")
    assert found["labels"] == {"good.png": label, "empty.png": None, "text.png": None}
    assert (found["scored"]["num_rows"], found["scored"]["error_reasons"]) == (3, {"empty": 1, "not_an_image": 1})
    # Spark's own reader does not see files without bytes.
    assert len([*(tmp_path / "models").glob("*/model.onnx")]) == 1, "SQL read the model from there"
    assert found["arrow"] == found["pandas"] == found["sql"] == sorted([label, "not_an_image"])
    assert [found["later"][name] for name in ("num_rows", "num_written", "num_removed")] == [2, 0, 1]
    assert found["streamed"] == {"good.png": label}
