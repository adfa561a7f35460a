"""What tests on a GPU share: why they are skipped elsewhere, a framework that sees the GPU, and real digits."""

from __future__ import annotations

import os
from importlib.util import find_spec

import pytest

from dbx_dl.contracts import PreparedTable
from dbx_dl.runtime.gpus import VISIBLE_GPUS, count_gpus
from dbx_dl.runtime.processes import call_in_process
from tests.gpu.digits_table import write_digits_table


def list_gpus() -> list[str]:
    """The names of the GPUs that processes here may use."""
    found = [str(number) for number in range(count_gpus())]
    allowed = os.environ.get(VISIBLE_GPUS)
    return found if allowed is None or not found else [name for name in allowed.split(",") if name not in ("", "-1")]


GPUS = list_gpus()
NO_GPU = "needs a GPU, and this machine shows none"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip before anything is made for a test: sessions, tables, trainings."""
    for item in items:
        if item.get_closest_marker("gpu") and not GPUS:
            item.add_marker(pytest.mark.skip(reason=NO_GPU))


@pytest.fixture(scope="session", params=["keras", "torch"])
def framework(request: pytest.FixtureRequest) -> str:
    """Each framework in turn that sees a GPU."""
    arguments = {"framework": request.param}
    if call_in_process("tests.gpu.rank_programs:name_gpu", arguments) is None:
        pytest.skip(f"{request.param} sees no GPU here: its build or its CUDA libraries lack")
    return str(request.param)


@pytest.fixture(scope="session")
def two_gpus() -> list[str]:
    """The first two GPUs."""
    if len(GPUS) < 2:
        pytest.skip(f"needs two GPUs, this machine shows {len(GPUS)}")
    return GPUS[:2]


@pytest.fixture
def nccl(framework: str) -> None:
    """Horovod with NCCL for this framework."""
    binding = {"keras": "horovod.tensorflow", "torch": "horovod.torch"}[framework]
    if find_spec("horovod") is None or not call_in_process(f"{binding}:nccl_built", {}):
        pytest.skip("Horovod is built without NCCL here: set DBX_DL_HOROVOD_NCCL=1 and run `make horovod`")


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> PreparedTable:
    """Scikit-learn's digits: 1,200 rows to train on, 297 and 300 to measure with."""
    return write_digits_table(tmp_path_factory.mktemp("digits") / "table", 1)
