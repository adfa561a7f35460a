"""Every heavy dependency has its owners, and outside the frameworks it is loaded by the function that needs it."""

from __future__ import annotations

import sys
from importlib.metadata import packages_distributions

import pytest

from dbx_dl.runtime.versions import list_needs
from tests.rules.source_files import list_files, list_imports, name_of

SPARK_STAGES = (
    "runtime/", "prepare/", "train/", "score/", "export/", "register/", "monitor/", "label/", "explain/",
)  # fmt: skip
TRACKING = (
    "runtime/tracking.py",
    "train/tracking.py",
    "train/mlflow_values.py",
    "train/search/tracked_study.py",
    "monitor/tracked_look.py",
)
OWNERS = {
    "keras": ("frameworks/keras/",),
    "tensorflow": ("frameworks/keras/",),
    "tf2onnx": ("frameworks/keras/",),
    "torch": ("frameworks/torch/",),
    "safetensors": ("frameworks/torch/",),
    "onnxscript": ("frameworks/torch/",),
    "horovod": ("frameworks/", "train/launch.py", "train/meetings.py"),
    "cloudpickle": ("train/rank_function.py", "train/function_worker.py"),
    "psutil": ("runtime/network.py", "train/meters.py"),
    "mlflow": (*TRACKING, "register/", "score/model/model_file.py"),
    "pyspark": (*SPARK_STAGES, "distributions/", "transforms/raw_"),
    "py4j": ("runtime/",),
    "deltalake": ("feed/", "score/columnar/"),
    "databricks": ("runtime/databricks/credentials.py",),
    "onnx": (
        "transforms/tabular.py",
        "transforms/text.py",
        "transforms/encoder/",
        "tasks/graph_end.py",
        "frameworks/",
        "export/",
        "register/",
        "score/",
    ),
    "onnxruntime": ("transforms/sessions.py", "score/", "export/", "runtime/doctor.py"),
    "pandas": ("score/", "explain/udf.py", "prepare/tabular/frames.py"),
    "soundfile": ("transforms/audio.py",),
    "scipy": ("transforms/resampling.py",),
    "sklearn": ("demo/",),
    "matplotlib": ("figures.py", "explain/figures.py"),
    "jinja2": ("monitor/", "explain/page/", "register/card/"),
    "optuna": ("train/search/study.py", "train/search/space.py"),
    "typer": (
        "cli.py",
        "explain_commands.py",
        "label_commands.py",
        "model_commands.py",
        "monitor_commands.py",
        "network_commands.py",
        "project_commands.py",
        "terminal.py",
    ),
    "rich": ("terminal.py",),
}
LAZY = (
    "pyspark", "mlflow", "onnx", "onnxruntime", "pandas", "pyarrow", "deltalake", "sklearn", "matplotlib", "jinja2",
    "optuna", "databricks", "soundfile", "scipy",
)  # fmt: skip
COMES_WITH_OTHERS = {"py4j": "pyspark", "horovod": "conf/horovod/build_wheel.sh"}


@pytest.mark.parametrize("package", OWNERS)
def test_only_its_owners_import(package: str) -> None:
    owners = tuple(f"dbx_dl/{owner}" for owner in OWNERS[package])
    users = {
        name_of(path) for path in list_files("dbx_dl", "jobs") for used in list_imports(path) if used.package == package
    }
    assert sorted(user for user in users if not user.startswith(owners)) == []


def test_only_frameworks_import_horovods_bindings() -> None:
    bindings = ("horovod.torch", "horovod.tensorflow", "horovod.keras")
    users = [
        f"{name_of(path)}:{used.line}"
        for path in list_files("dbx_dl", "jobs")
        for used in list_imports(path)
        if used.module.startswith(bindings) and not name_of(path).startswith("dbx_dl/frameworks/")
    ]
    assert users == []


def test_heavy_packages_are_imported_inside_functions() -> None:
    eager = [
        f"{name_of(path)}:{used.line} imports {used.module}"
        for path in list_files("dbx_dl", "jobs")
        for used in list_imports(path)
        if used.package in LAZY and not used.is_lazy and not name_of(path).startswith("dbx_dl/frameworks/")
    ]
    assert eager == []


def test_everything_imported_is_a_direct_requirement() -> None:
    needs = {name.lower().replace("_", "-") for name in list_needs()}
    providers = packages_distributions()
    known = {*sys.stdlib_module_names, "dbx_dl", *COMES_WITH_OTHERS}
    used = {used.package for path in list_files("dbx_dl") for used in list_imports(path)} - known
    undeclared = {
        package
        for package in used
        if not {name.lower().replace("_", "-") for name in providers.get(package, [])} & needs
    }
    assert undeclared == set()
