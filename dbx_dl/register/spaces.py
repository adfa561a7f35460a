"""Which metrics of clusters can be compared between models that measure distances among different points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from dbx_dl.errors import ConfigError
from dbx_dl.frameworks.architectures.clusters import CLUSTERING_NETWORKS
from dbx_dl.tasks.clustering import OF_CLASSES, OF_ROWS

if TYPE_CHECKING:
    from dbx_dl.config import RegisterConfig
    from dbx_dl.contracts import ModelMetadata

# A share of distances has no unit, so that codes of two encoders may be told apart by it; the others have one.
_WITHOUT_SCALE = "simplified_silhouette"


def check_spaces(models: Mapping[int, ModelMetadata], metric: str, config: RegisterConfig) -> str:
    """What a decision between these versions must say of their spaces, empty where they share one.

    Rows themselves, scaled alike, are one space; every encoder's codes are a space of their own. ConfigError where the
    config compares versions by a metric that different spaces have no common measure of: `inertia` and `nll`, and
    `simplified_silhouette` where one has codes and another not.
    """
    clustering = {version: metadata for version, metadata in models.items() if metadata.target.task == "clustering"}
    encoders = [version for version, metadata in clustering.items() if _has_encoder(metadata)]
    inputs = [metadata.inputs for version, metadata in clustering.items() if version not in encoders]
    num_spaces = len(encoders) + sum(found not in inputs[:place] for place, found in enumerate(inputs))
    compared = [name for name in _list_compared(metric, config) if name in OF_ROWS]
    if num_spaces < 2 or not compared:
        return ""
    refused = [name for name in compared if name != _WITHOUT_SCALE or (encoders and inputs)]
    if refused:
        kinds = ", ".join(f"version {version} of {metadata.network}" for version, metadata in clustering.items())
        others = [name for name in (_WITHOUT_SCALE, *OF_CLASSES) if name not in refused]
        raise ConfigError(
            f"{', '.join(refused)} could not be compared: {kinds} measure distances in different spaces. Compare by "
            f"{', '.join(others)} (the latter where the table has classes), or register under another name"
        )
    return f"; {_WITHOUT_SCALE} is measured in {num_spaces} spaces, each version's in its own"


def _list_compared(metric: str, config: RegisterConfig) -> Sequence[str]:
    """The deciding metric and those whose loss against the champion is limited."""
    limits = [name for name, limit in config.limits.items() if limit.max_loss is not None]
    groups = [group.metric or metric for group in config.groups if group.max_loss is not None]
    return list(dict.fromkeys((metric, *limits, *groups)))


def _has_encoder(metadata: ModelMetadata) -> bool:
    own = CLUSTERING_NETWORKS.get(metadata.network)
    return own is None or own.code is not None
