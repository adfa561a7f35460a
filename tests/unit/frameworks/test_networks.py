"""Networks by name, and by `package.module:function`: what is found, and what is said when nothing is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dbx_dl.errors import ConfigError
from dbx_dl.frameworks.interface import NetworkRequest
from dbx_dl.frameworks.networks import check_logits_shape, find_builder

HERE = "tests.unit.frameworks.test_networks"
NOT_A_FUNCTION = 3


def build_mine(request: Any) -> str:
    """A user's own network."""
    return "mine"


NETWORKS = {"convnet": build_mine, "mlp": build_mine}


def test_names_and_functions_are_found() -> None:
    assert find_builder("mlp", NETWORKS) is build_mine
    request = NetworkRequest("", {}, (3,), "float32", 2, 0)
    assert find_builder(f"{HERE}:build_mine", NETWORKS)(request) == "mine"


@pytest.mark.parametrize(
    ("network", "message"),
    [
        ("convnt", r"unknown network 'convnt'; did you mean 'convnet'\? \(valid names: convnet, mlp\)"),
        ("zzz", r"valid names: convnet, mlp, or give your own as 'package\.module:function'"),
        (f"{HERE}:build_mien", r"has no 'build_mien'; did you mean 'build_mine'\?"),
        (f"{HERE}:NOT_A_FUNCTION", r"is a int; it must be a function"),
        ("no_such_package.networks:build", r"no module 'no_such_package'; install it or put its folder on PYTHONPATH"),
        ("tests.unit.no_such_module:build", r"there is no module 'tests\.unit\.no_such_module'"),
        (f"{HERE}:", r"must be written as 'package\.module:function'"),
        ("my networks:build", r"must be written as 'package\.module:function'"),
        ("..networks:build", r"must be written as 'package\.module:function'"),
    ],
)
def test_what_cannot_be_found_is_explained(network: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        find_builder(network, NETWORKS)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import no_such_dependency", r"importing broken_\w+ failed: No module named 'no_such_dependency'"),
        ("1 / 0", r"importing broken_\w+ failed: ZeroDivisionError: division by zero"),
    ],
)
def test_modules_that_fail_keep_their_cause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, message: str
) -> None:
    name = f"broken_{len(source)}"
    (tmp_path / f"{name}.py").write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ConfigError, match=message) as caught:
        find_builder(f"{name}:build", NETWORKS)
    assert caught.value.__cause__ is not None


def test_outputs_of_another_shape_are_refused() -> None:
    request = NetworkRequest("mine:build", {}, (3,), "float32", 10, 0)
    check_logits_shape((2, 10), request)
    with pytest.raises(ConfigError, match=r"shape \(2, 4, 10\) for 2 rows; .* shape \(2, 10\)"):
        check_logits_shape((2, 4, 10), request)
