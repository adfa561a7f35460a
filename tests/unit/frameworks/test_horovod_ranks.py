"""What is said when Horovod, or the binding that a framework needs, cannot be imported."""

from __future__ import annotations

import sys

import pytest

from dbx_dl.errors import SetupError
from dbx_dl.frameworks.horovod_ranks import import_binding


def test_absent_horovod_names_the_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "horovod"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(SetupError, match=r"Horovod, which is not installed: .*build_wheel\.sh.*num_ranks: 1"):
        import_binding("horovod.torch")


def test_lacking_binding_names_it_and_the_fix() -> None:
    pytest.importorskip("horovod")
    with pytest.raises(SetupError, match=r"horovod\.absent cannot be imported \(.*\): .*build_wheel\.sh"):
        import_binding("horovod.absent")
