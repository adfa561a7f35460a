"""What an import may load: little for the package and the CLI, and only what they need for the worker processes."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = {
    "pyspark", "mlflow", "torch", "tensorflow", "keras", "onnx", "onnxruntime", "pandas", "pyarrow", "sklearn",
    "matplotlib", "deltalake", "horovod",
}  # fmt: skip
FRAMEWORKS = {"torch", "tensorflow", "keras", "horovod"}
SHOW_HELP = "import sys, contextlib, io; sys.argv = ['dbx-dl', '--help']; from dbx_dl.cli import main\n"
SHOW_HELP += "with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit): main()"


@pytest.mark.parametrize(
    ("statement", "forbidden"),
    [
        ("import dbx_dl", HEAVY | {"numpy"}),
        (SHOW_HELP, HEAVY),
        ("import dbx_dl.pipeline, dbx_dl.demo, dbx_dl.starter, dbx_dl.runtime.spark, dbx_dl.runtime.doctor", HEAVY),
        (
            "import dbx_dl.score.udf, dbx_dl.score.worker, dbx_dl.score.model.session",
            FRAMEWORKS | {"mlflow", "matplotlib"},
        ),
        ("import dbx_dl.feed.reader", FRAMEWORKS | {"pyspark", "mlflow"}),
        ("import dbx_dl.train.worker", FRAMEWORKS | {"pyspark", "mlflow", "matplotlib"}),
    ],
    ids=["package", "help", "pipeline", "score", "feed", "rank"],
)
def test_import_loads_nothing_heavy(statement: str, forbidden: set[str]) -> None:
    code = (
        f"{statement}\nimport sys, json; print(json.dumps(sorted({{name.partition('.')[0] for name in sys.modules}})))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout)) & forbidden == set()


def test_public_names_are_loaded_on_first_use() -> None:
    import dbx_dl

    for name in dbx_dl.__all__:
        assert callable(getattr(dbx_dl, name))
    with pytest.raises(AttributeError, match="public names: append_labels"):
        _ = dbx_dl.no_such_name
