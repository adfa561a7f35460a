"""Which provider and device a model gets, and what is said when it cannot have them."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbx_dl.errors import SetupError
from dbx_dl.score.model.providers import SessionSettings, choose_device, list_providers, require_provider
from dbx_dl.score.model.session import open_session
from tests.onnx_models import write_linear_model
from tests.prepared_tables import SPEC


def test_providers_in_order_with_their_device_and_memory() -> None:
    assert list_providers(SessionSettings()) == [("CPUExecutionProvider", {})]
    settings = SessionSettings(providers=("tensorrt", "cuda"), gpu_memory_bytes=2**30).on_device(2)
    (tensorrt, first), (cuda, second), (cpu, last) = list_providers(settings)
    assert (tensorrt, cuda, cpu) == ("TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider")
    assert first == {"device_id": 2, "trt_max_workspace_size": 2**30} and last == {}
    assert second == {"device_id": 2, "gpu_mem_limit": 2**30, "arena_extend_strategy": "kSameAsRequested"}


@pytest.mark.parametrize(
    ("task_gpus", "visible", "num_gpus", "slot", "device"),
    [
        (["3"], None, 4, 0, 3),
        (["3"], "1,3", 4, 0, 1),
        (["3"], "3", 4, 0, 0),
        ([], None, 4, 6, 2),
        ([], "1, 3", 4, 3, 1),
        ([], None, 0, 5, 0),
        ([], "", 4, 5, 0),
    ],
)
def test_devices_from_sparks_resources_or_by_turns(
    task_gpus: list[str], visible: str | None, num_gpus: int, slot: int, device: int
) -> None:
    assert choose_device(task_gpus, visible, num_gpus, slot) == device


def test_a_provider_that_is_not_there_is_an_error_in_a_line(tmp_path: Path) -> None:
    cuda = SessionSettings(providers=("cuda",))
    require_provider(cuda, ["CUDAExecutionProvider", "CPUExecutionProvider"], "it has")
    with pytest.raises(SetupError, match="provider 'cuda' was asked for, it has cpu: install onnxruntime-gpu"):
        require_provider(cuda, ["CPUExecutionProvider"], "it has")
    write_linear_model(tmp_path / "m.onnx", SPEC)
    assert open_session(tmp_path / "m.onnx").providers == ("cpu",)


def test_one_session_per_settings(tmp_path: Path) -> None:
    write_linear_model(tmp_path / "m.onnx", SPEC)
    one, two = SessionSettings(1), SessionSettings(2)
    first = open_session(tmp_path / "m.onnx", settings=one)
    assert open_session(tmp_path / "m.onnx", first.sha256, one) is first
    assert open_session(tmp_path / "m.onnx", first.sha256, two) is not first
