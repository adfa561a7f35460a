"""What a prepared table asks of a network and its training: the one place where contracts become requests."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import TYPE_CHECKING, Any, Literal, Protocol

from dbx_dl.contracts import AudioSpec, HistorySpec, ImageSpec, TextAndColumnsSpec, find_text
from dbx_dl.errors import ConfigError, DataError
from dbx_dl.frameworks.architectures import ARCHITECTURES
from dbx_dl.frameworks.architectures.adversarial import ADVERSARIAL_NETWORKS
from dbx_dl.frameworks.architectures.architecture import input_kind
from dbx_dl.frameworks.architectures.clusters import CLUSTERING_NETWORKS
from dbx_dl.frameworks.architectures.targets import list_learners
from dbx_dl.frameworks.interface import Catalog, NetworkRequest, ObjectiveRequest
from dbx_dl.frameworks.networks import is_users_own, nearest
from dbx_dl.tasks import task_of
from dbx_dl.tasks.clustering import OF_CLASSES

if TYPE_CHECKING:
    from dbx_dl.config import TrainConfig
    from dbx_dl.contracts import CalibrationMethod, InputSpec, PreparedTable, Target, TaskName

# Softmax cross-entropy over classes, in float32.
DEFAULT_REQUEST = ObjectiveRequest()


class Learned(Protocol):
    """What a network takes and what it learns: a prepared table, or what is kept of a network that learned one."""

    @property
    def inputs(self) -> InputSpec: ...
    @property
    def target(self) -> Target: ...


def network_request(
    prepared: Learned, network: str, options: Mapping[str, str | int | float | bool], seed: int
) -> NetworkRequest:
    """The request for a network on this table: its inputs by their spec, its outputs by the task."""
    inputs = prepared.inputs
    return NetworkRequest(
        network=network,
        options=dict(options),
        input_shape=inputs.row_shape,
        input_dtype=inputs.row_dtype,
        num_outputs=_count_outputs(prepared, inputs.row_shape),
        seed=seed,
        num_tokens=_count_tokens(inputs),
        num_text_steps=inputs.text.max_length if isinstance(inputs, TextAndColumnsSpec) else 0,
        grid=prepared.target.grid,
        num_frames=prepared.target.num_frames,
        num_words=0 if prepared.target.text is None else prepared.target.text.num_tokens,
        sample_rate=inputs.sample_rate if isinstance(inputs, AudioSpec) else 0,
        catalog=_describe_catalog(prepared),
    )


def _count_tokens(inputs: InputSpec) -> int:
    if isinstance(inputs, HistorySpec):
        return inputs.history.num_tokens
    text = find_text(inputs)
    return 0 if text is None else text.num_tokens


def _describe_catalog(prepared: Learned) -> Catalog | None:
    inputs, ranking = prepared.inputs, prepared.target.ranking
    if not isinstance(inputs, HistorySpec) or ranking is None:
        return None
    return Catalog(
        num_user_columns=len(inputs.users),
        num_user_ids=inputs.num_user_ids,
        excludes_seen=ranking.excludes_seen,
        item_ids=tuple(column.ids for column in ranking.item_columns),
        num_item_ids=tuple(1 + len(column.vocabulary) for column in ranking.item_columns),
    )


def _count_outputs(prepared: Learned, shape: tuple[int, ...]) -> int:
    num_outputs = task_of(prepared.target).count_outputs(prepared.target)
    return num_outputs * prod(shape) if prepared.target.task == "reconstruction" else num_outputs


def objective_request(prepared: PreparedTable, config: TrainConfig) -> ObjectiveRequest:
    """What a network on this table is to learn under a train config."""
    center, scale = find_label_scaling(prepared)
    return ObjectiveRequest(
        task=prepared.target.task,
        loss=choose_loss(prepared.target.task, config),
        label_smoothing=config.label_smoothing,
        label_center=center,
        label_scale=scale,
        top_k=config.top_k,
        precision=config.precision,
        sync_batch_norm=config.sync_batch_norm,
        has_sample_weights=config.feed.sample_weight_column is not None,
        quantiles=prepared.target.quantiles or DEFAULT_REQUEST.quantiles,
        num_frames=prepared.target.num_frames,
        num_clusters=prepared.target.num_clusters,
        penalty=_ask_network(config, "penalize"),
        pretraining=_ask_network(config, "pretrain"),
        adversary=_ask_network(config, "oppose", prepared.target.num_entries, config.seed),
        clustering=_ask_network(config, "cluster", prod(prepared.inputs.row_shape), config.seed),
        are_pixels=isinstance(prepared.inputs, ImageSpec),
        grid=prepared.target.grid,
        ranking=prepared.target.ranking,
        negatives=config.negatives,
    )


def _ask_network(config: TrainConfig, what: Literal["penalize", "pretrain", "oppose", "cluster"], *details: int) -> Any:
    """What a built-in network makes of its options there; None where it has no such."""
    architecture = ARCHITECTURES.get(config.network)
    make = getattr(architecture, what, None)
    if architecture is None or make is None:
        return None
    return make(architecture.options.model_validate(config.network_options), *details)


def choose_loss(task: TaskName, config: TrainConfig) -> str | None:
    """The loss that the run names, else the network's own where it has one for the task; None for the task's own."""
    own = ARCHITECTURES[config.network].loss if config.network in ARCHITECTURES else None
    names = task_of(task).losses
    loss = config.loss or (own if own in names else None)
    return None if loss is None or loss == names[0] else loss


def choose_calibration(task: TaskName, config: TrainConfig) -> CalibrationMethod | None:
    """How scores of classes become probabilities: as the run says, else platt where no cross-entropy made them such."""
    if config.calibration is not None:
        return None if config.calibration == "none" else config.calibration
    return "platt" if task_of(task).label_kind == "class" and choose_loss(task, config) is not None else None


def find_label_scaling(prepared: PreparedTable) -> tuple[float, float]:
    """Mean and deviation of the label over the train split where a task scales it and statistics have them; or 0 and 1.

    The network learns (label - mean) / deviation, so whatever applies it later multiplies and adds these.
    """
    if not task_of(prepared.target).is_scaled:
        return 0.0, 1.0
    for profile in prepared.statistics.profiles:
        if profile.column == prepared.target.column and profile.mean is not None and profile.deviation:
            return profile.mean, profile.deviation
    return 0.0, 1.0


def is_classification(request: ObjectiveRequest) -> bool:
    """Whether a row belongs to exactly one class."""
    return task_of(request.task).label_kind == "class"


def _choose_one_of(names: tuple[str, ...]) -> str:
    return f"leave it out or choose one of {', '.join(names)}"


def check_objective(prepared: PreparedTable, config: TrainConfig) -> None:
    """DataError for a table without a label.

    ConfigError for a network, loss, smoothing, top-k or metric of another task.
    """
    task = prepared.target.task
    if task == "none":
        raise DataError(f"table {prepared.table.name} has no label: there is nothing that a network could learn")
    known = task_of(task)
    what = f"is not for the task {task} of table {prepared.table.name}"
    if config.loss is not None and config.loss not in known.losses:
        choice = _choose_one_of(known.losses) if len(known.losses) > 1 else "leave it out"
        raise ConfigError(f"train.loss {config.loss!r} {what}: {choice}")
    if task == "reconstruction":
        _check_reconstruction(prepared, config)
    if (task == "generation") != (config.network in ADVERSARIAL_NETWORKS):
        raise ConfigError(
            f"train.network {config.network!r} {what}: the task generation goes with {', '.join(ADVERSARIAL_NETWORKS)}"
        )
    if task == "sequence" and is_users_own(config.network):
        raise ConfigError(f"train.network {config.network!r} {what}: choose 'encoder_decoder' or 'image_captioner'")
    _check_clustering(prepared, config)
    _check_learned(prepared, config)
    if config.label_smoothing and known.label_kind not in ("class", "label_set"):
        raise ConfigError(f"train.label_smoothing {what}: leave it out")
    if config.label_smoothing and (loss := choose_loss(task, config)) is not None:
        raise ConfigError(f"train.label_smoothing goes with cross_entropy, not with {loss}: leave it out")
    if config.calibration is not None and not prepared.target.is_classification:
        raise ConfigError(f"train.calibration {what}: leave it out")
    if config.threshold is not None:
        if not prepared.target.is_classification:
            raise ConfigError(f"train.threshold {what}: leave it out")
        if config.threshold.label not in prepared.target.label_names:
            hint = nearest(config.threshold.label, list(prepared.target.label_names), what="labels")
            raise ConfigError(f"train.threshold.label {config.threshold.label!r} is no label of the table; {hint}")
    if config.top_k and not prepared.target.is_classification:
        raise ConfigError(f"train.top_k {what}: leave it out")
    names = (*known.metrics, *(f"top_{k}_accuracy" for k in config.top_k))
    if config.best_metric is not None and config.best_metric not in names:
        hint = nearest(config.best_metric, list(names), what="metrics")
        raise ConfigError(f"train.best_metric {config.best_metric!r} {what}; {hint}")


def check_pretraining(prepared: PreparedTable, config: TrainConfig) -> None:
    """ConfigError where a run would end before pretraining does; options of the network must be right already."""
    learned = objective_request(prepared, config)
    pretraining, clustering = learned.pretraining, learned.clustering
    num_epochs = 0 if clustering is None else clustering.num_epochs
    if pretraining is not None:
        num_epochs = len(pretraining.layers) * pretraining.num_epochs
    if not num_epochs:
        return
    for name, value in (("num_epochs", config.num_epochs), ("early_stopping_epochs", config.early_stopping_epochs)):
        if value is not None and value <= num_epochs:
            raise ConfigError(
                f"train.{name} is {value}, but {config.network!r} takes {num_epochs} epochs of pretraining before "
                f"it uses {'labels' if clustering is None else 'centres'}: set it to more, or lower pretraining_epochs"
            )


def _check_clustering(prepared: PreparedTable, config: TrainConfig) -> None:
    target, own = prepared.target, CLUSTERING_NETWORKS.get(config.network)
    if (target.task == "clustering") != (own is not None):
        raise ConfigError(
            f"train.network {config.network!r} is not for the task {target.task} of table {prepared.table.name}: the "
            f"task clustering goes with {', '.join(CLUSTERING_NETWORKS)}"
        )
    if own is not None and config.loss not in (None, own.loss):
        raise ConfigError(f"train.loss {config.loss!r} is not that of network {config.network!r}: leave it out")
    if own is not None and config.best_metric in OF_CLASSES and not target.label_names:
        raise ConfigError(
            f"train.best_metric {config.best_metric!r} compares clusters with classes: the table has none"
        )


def _check_learned(prepared: PreparedTable, config: TrainConfig) -> None:
    """Texts that are written are left to `check_network`, which tells their networks from others as well."""
    task, own = prepared.target.task, ARCHITECTURES.get(config.network)
    if own is None or task in own.tasks or "sequence" in (task, *own.tasks) or own.gives_inputs:
        return
    kind = input_kind(network_request(prepared, config.network, {}, config.seed))
    raise ConfigError(
        f"train.network {config.network!r} is not for the task {task} of table {prepared.table.name}: "
        f"choose one of {', '.join(list_learners(task, kind))}"
    )


def _check_reconstruction(prepared: PreparedTable, config: TrainConfig) -> None:
    givers = [name for name, architecture in ARCHITECTURES.items() if architecture.gives_inputs]
    if not is_users_own(config.network) and config.network not in givers:
        raise ConfigError(
            f"train.network {config.network!r} does not give its inputs again, as the task reconstruction asks: "
            f"choose one of {', '.join(givers)}"
        )
    if config.loss == "cross_entropy" and not isinstance(prepared.inputs, ImageSpec):
        raise ConfigError("train.loss 'cross_entropy' is for reconstructions of images: leave it out for a table")
