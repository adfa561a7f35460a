"""Which GPU a rank sees."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbx_dl.runtime import gpus
from dbx_dl.runtime.gpus import choose_gpu, count_gpus, find_gpu, should_have_gpu


@pytest.mark.parametrize(
    ("task_gpus", "visible", "num_gpus", "local_rank", "expected"),
    [
        (["3"], None, 4, 0, "3"),
        (["2", "3"], "0,1", 4, 1, "2"),
        ([], None, 4, 2, "2"),
        ([], None, 2, 3, "1"),
        ([], "GPU-a, GPU-b", 4, 1, "GPU-b"),
        ([], "5", 8, 0, "5"),
        ([], "", 4, 0, None),
        ([], "-1", 4, 0, None),
        ([], None, 0, 1, None),
        ([], "0", 0, 0, None),
    ],
)
def test_choice(
    task_gpus: list[str], visible: str | None, num_gpus: int, local_rank: int, expected: str | None
) -> None:
    assert choose_gpu(task_gpus, visible, num_gpus, local_rank) == expected


def test_only_devices_that_are_gpus_count(tmp_path: Path) -> None:
    for name in ("nvidia0", "nvidia7", "nvidiactl", "nvidia-uvm", "null"):
        (tmp_path / name).touch()
    assert count_gpus(tmp_path) == 2


def test_what_this_machine_and_process_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpus, "count_gpus", lambda: 4)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert (find_gpu((), 2), should_have_gpu()) == ("2", True)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    assert (find_gpu((), 2), find_gpu(["1"], 2), should_have_gpu()) == ("3", "1", True)
    for hidden in ("", "-1"):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
        assert not should_have_gpu()
    monkeypatch.setattr(gpus, "count_gpus", lambda: 0)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    assert (find_gpu((), 0), should_have_gpu()) == (None, False)
