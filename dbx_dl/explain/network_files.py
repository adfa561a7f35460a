"""The trained network behind a model's file: in its version's folder, or in the run's beside the file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dbx_dl.contracts import StoredNetwork, TrainedModel
from dbx_dl.contracts.networks import NETWORK_FILE, NETWORK_FOLDER
from dbx_dl.errors import ConfigError, DataError
from dbx_dl.frameworks.architectures import ARCHITECTURES
from dbx_dl.frameworks.architectures import describe_network as describe_network_layers
from dbx_dl.frameworks.gradients import find_convolution
from dbx_dl.frameworks.networks import is_users_own
from dbx_dl.frameworks.rebuilding import describe_network
from dbx_dl.frameworks.requests import network_request
from dbx_dl.runtime.tables import suggest_name
from dbx_dl.score.model.session import digest_file, open_session

if TYPE_CHECKING:
    from dbx_dl.score.model.model_file import ModelFile

_TASKS = ("binary", "multiclass", "multilabel", "regression", "count")
_INSTEAD = "use occlusion for images, shapley for columns or leave_out for texts, which work from the ONNX file alone"


@dataclass(frozen=True)
class FoundNetwork:
    """What rebuilds a network, and the file with its weights on this machine."""

    stored: StoredNetwork
    weights: Path


def find_network(model: ModelFile) -> FoundNetwork:
    """The network that a model's file was made of.

    DataError when the file is another's, or its version was registered without the network, or weights were changed.
    """
    found = _find_beside(model) or _find_in_run(model)
    if found is None:
        raise DataError(
            f"model {model.name} has no trained network beside its ONNX file (it is of another origin, or was "
            f"registered before networks were kept: register it again): {_INSTEAD}"
        )
    if found.stored.model_sha256 != model.sha256:
        raise DataError(f"the network beside model {model.name} is that of another file: register the model again")
    if digest_file(found.weights) != found.stored.weights.sha256:
        raise DataError(f"{found.weights} was changed since training (other SHA-256): register the model again")
    return found


def require_leave(stored: StoredNetwork, own_network: str | None, model: str) -> None:
    """ConfigError for a function that the model alone names: to rebuild its network would import and call anything."""
    if not is_users_own(stored.network) or stored.network == own_network:
        return
    instead = "" if own_network is None else f", not {own_network!r}"
    raise ConfigError(
        f"model {model} names {stored.network!r} as the function that builds its network{instead}: it is only imported "
        f"and called where you name it yourself: if you trust it, set explain.own_network: {stored.network} (in Python "
        f"own_network={stored.network!r})"
    )


def require_gradients(stored: StoredNetwork, method: str, model: str) -> None:
    """ConfigError for a network of which no gradient says what its outputs depend on."""
    architecture = ARCHITECTURES.get(stored.network)
    if architecture is not None and (architecture.is_counted or architecture.cluster is not None):
        how = "is counted, not trained by gradients" if architecture.is_counted else "puts rows into clusters"
        raise ConfigError(
            f"{method} needs gradients, but network {stored.network!r} of model {model} {how}: {_INSTEAD}"
        )
    if stored.target.task not in _TASKS:
        what = f"model {model} is of the task {stored.target.task}"
        raise ConfigError(f"{method} is for the tasks {', '.join(_TASKS)}, {what}: {_INSTEAD}")
    if stored.inputs.kind in ("text_and_columns", "histories", "audio"):
        raise ConfigError(
            f"{method} is for images, columns, texts or series alone, not {stored.inputs.kind}: {_INSTEAD}"
        )


def require_layer(stored: StoredNetwork, layer: str | None) -> None:
    """ConfigError for a built-in network without a convolution, or without the layer that is asked for.

    Of a network of the user's own only the process that builds it can tell.
    """
    if stored.network not in ARCHITECTURES:
        return
    request = network_request(stored, stored.network, stored.network_options, stored.seed)
    if layer is None:
        find_convolution(request)
        return
    names = [name for name, _ in describe_network_layers(request)]
    if layer.partition(".")[0] not in names:
        hint = suggest_name(layer, names)
        raise ConfigError(f"explain.gradients.layer: network {stored.network!r} has no layer {layer!r}; {hint}")


def _find_beside(model: ModelFile) -> FoundNetwork | None:
    """What `register` left in the version's folder."""
    for parent in list(model.path.parents)[:2]:
        if (parent / NETWORK_FOLDER / NETWORK_FILE).is_file():
            stored = StoredNetwork.load(parent / NETWORK_FOLDER / NETWORK_FILE)
            # Its own name only: a path would lead out of the folder.
            return FoundNetwork(stored, parent / NETWORK_FOLDER / Path(stored.weights.path).name)
    return None


def _find_in_run(model: ModelFile) -> FoundNetwork | None:
    """What training left in the run's folder, where the file lies in it."""
    path = model.path.parent / "trained.json"
    if not path.is_file():
        return None
    trained = TrainedModel.load(path)
    session = open_session(model.path, model.sha256)
    if not session.is_own or session.metadata.run_id != trained.run_id:
        raise DataError(f"the network beside model {model.name} is that of another file: export the model again")
    return FoundNetwork(describe_network(trained, model.sha256), Path(trained.weights.path))
