"""Find what builds a network: a name in a framework's NETWORKS, or the user's own `package.module:function`."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from dbx_dl.errors import ConfigError

if TYPE_CHECKING:
    from types import ModuleType

    from dbx_dl.frameworks.interface import NetworkRequest

Builder = Callable[["NetworkRequest"], Any]


def find_builder(network: str, networks: Mapping[str, Builder]) -> Builder:
    """What builds `network`: the entry of `networks`, or the function that `package.module:function` names.

    ConfigError when there is no such name, module or function.
    """
    if is_users_own(network):
        return _import_function(network)
    require_known(network, networks)
    return networks[network]


def is_users_own(network: str) -> bool:
    """Whether the name is the user's `package.module:function` rather than a built-in network's."""
    return ":" in network


def require_known(network: str, networks: Mapping[str, Any]) -> None:
    """ConfigError with the nearest valid name unless `network` is a built-in one."""
    if network not in networks:
        own = "or give your own as 'package.module:function'"
        raise ConfigError(f"unknown network {network!r}; {nearest(network, networks)}, {own}")


def nearest(name: str, valid: Mapping[str, Any] | list[str], what: str = "names") -> str:
    """A hint for a mistyped name: the nearest valid one where one is near, always all valid ones."""
    near = difflib.get_close_matches(name, list(valid), n=1, cutoff=0.5)
    known = f"valid {what}: {', '.join(sorted(valid)) or 'none'}"
    return f"did you mean {near[0]!r}? ({known})" if near else known


def check_is_network(network: object, kind: type, request: NetworkRequest) -> None:
    """ConfigError unless what a builder returned is of the framework's kind of network."""
    if not isinstance(network, kind):
        expected = f"{kind.__module__.partition('.')[0]}'s {kind.__name__}"
        found = type(network).__name__
        raise ConfigError(f"network {request.network!r} must return {expected}, it returned {found}")


def check_logits_shape(shape: tuple[int | None, ...], request: NetworkRequest) -> None:
    """ConfigError unless the network's output for two rows has shape (2, num_outputs)."""
    if tuple(shape) != (2, request.num_outputs):
        raise ConfigError(
            f"network {request.network!r} gives an output of shape {tuple(shape)} for 2 rows; "
            f"it must give logits of shape (2, {request.num_outputs}), one per label"
        )


def check_spelling(network: str) -> None:
    """ConfigError unless the name of a user's own network can be one."""
    module_name, _, function_name = network.partition(":")
    if not function_name.isidentifier() or not all(part.isidentifier() for part in module_name.split(".")):
        raise ConfigError(f"network {network!r} must be written as 'package.module:function'")


def _import_function(network: str) -> Builder:
    check_spelling(network)
    module_name, _, function_name = network.partition(":")
    function = getattr(_import_module(module_name, network), function_name, None)
    if function is None:
        names = [name for name, value in vars(import_module(module_name)).items() if _is_public_function(name, value)]
        hint = nearest(function_name, names, what="functions")
        raise ConfigError(f"network {network!r}: module {module_name} has no {function_name!r}; {hint}")
    if not callable(function):
        raise ConfigError(f"network {network!r} is a {type(function).__name__}; it must be a function of a request")
    return function  # type: ignore[no-any-return]


def _import_module(module_name: str, network: str) -> ModuleType:
    try:
        return import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{module_name}.".startswith(f"{error.name}."):
            reason = f"there is no module {error.name!r}; install it or put its folder on PYTHONPATH"
            raise ConfigError(f"network {network!r}: {reason}") from None
        raise ConfigError(f"network {network!r}: importing {module_name} failed: {error}") from error
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise ConfigError(f"network {network!r}: importing {module_name} failed: {reason}") from error


def _is_public_function(name: str, value: object) -> bool:
    return not name.startswith("_") and callable(value) and not isinstance(value, type)
