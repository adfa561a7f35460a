"""How a network is trained."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from dbx_dl.config.checkpoints import CheckpointConfig
from dbx_dl.config.feed import FeedConfig
from dbx_dl.config.freezing import UnfreezeConfig
from dbx_dl.config.section import Scalar, Section
from dbx_dl.config.start import StartConfig
from dbx_dl.config.threshold import ThresholdConfig
from dbx_dl.contracts import TaskName

ADAMW_WEIGHT_DECAY = 0.01
# So many places of a list of recommendations are compared with the most bought items.
MAX_TOP_ITEMS = 100
LossName = Literal[
    "cross_entropy",
    "hinge",
    "squared_hinge",
    "perceptron",
    "squared_error",
    "huber",
    "mae",
    "sampled_softmax",
    "bpr",
    "inertia",
    "nll",
]


class OptimizerConfig(Section):
    """An optimizer by name, what happens to gradients before it, and the learning rate over the run.

    `learning_rate` is for the global batch; `rate_scaling` multiplies it by the number of ranks or its square root.
    `momentum` goes with sgd and rmsprop, `nesterov` with sgd and a momentum.
    `weight_decay` is decoupled from the gradient for every optimizer (0.01 for adamw where it is not given, else 0).
    Clipping is of the gradient of the global batch: first every element to +-`clip_value`, then all of it to the norm
    `clip_norm`. `accumulate_batches` batches make one optimizer step. `gradient_compression` halves the bytes that
    travel between ranks: fp16 for any number of them, bf16, with float32's range, for up to 4 (see `Reduction`).

    The rate rises linearly for `warmup_epochs`, then follows `decay`: step multiplies it by `decay_factor` every
    `decay_epochs` epochs, plateau does so after `decay_epochs` epochs without a better one, one_cycle rises over
    `warmup_epochs` (or 30 % of the run) and falls to almost nothing.
    """

    name: Literal["adam", "adamw", "sgd", "rmsprop", "adagrad"] = "adam"
    learning_rate: float = Field(default=1e-3, gt=0)
    rate_scaling: Literal["none", "sqrt", "linear"] = "none"
    momentum: float = Field(default=0.0, ge=0, lt=1)
    nesterov: bool = False
    weight_decay: float | None = Field(default=None, ge=0)
    clip_norm: float | None = Field(default=None, gt=0)
    clip_value: float | None = Field(default=None, gt=0)
    accumulate_batches: int = Field(default=1, gt=0)
    gradient_compression: Literal["none", "fp16", "bf16"] = "none"
    warmup_epochs: float = Field(default=0.0, ge=0)
    decay: Literal["constant", "step", "cosine", "one_cycle", "plateau"] = "constant"
    decay_epochs: int = Field(default=10, gt=0)
    decay_factor: float = Field(default=0.1, gt=0, lt=1)

    @model_validator(mode="after")
    def _check_momentum(self) -> OptimizerConfig:
        if self.momentum and self.name not in ("sgd", "rmsprop"):
            raise ValueError(f"momentum goes with sgd and rmsprop, not {self.name}")
        if self.nesterov and not (self.name == "sgd" and self.momentum):
            raise ValueError("nesterov goes with sgd and a momentum above 0")
        return self

    @property
    def decay_of_weights(self) -> float:
        """The weight decay that applies."""
        if self.weight_decay is not None:
            return self.weight_decay
        return ADAMW_WEIGHT_DECAY if self.name == "adamw" else 0.0


class TrainConfig(Section):
    """How a network is trained; `batch_size` is per rank.

    `network` is a built-in one (`dbx-dl networks`) or your own `package.module:function`, `network_options` are its
    arguments. `num_ranks` processes, which the `launcher` starts, train for `num_epochs`, or until
    `early_stopping_epochs` epochs brought no better one (null: never). `seed` decides weights, order and all that is
    drawn. Ranks report every `report_every_steps` steps, and are ended after `timeout_seconds`.
    `label_smoothing` moves that share of the truth from the class to all classes alike. With `sync_batch_norm` batch
    norm uses the statistics of the global batch.

    `task` is another one than the table was prepared for: on the same kind of labels, or one that needs none.
    Items are learned by cross_entropy over all of them, or with `negatives` drawn at random for each row by
    sampled_softmax or bpr; `top_items` are recommended.
    Without `loss` classes are learned by cross_entropy and numbers by squared_error, unless the network has a loss of
    its own. Classes by hinge, squared_hinge, perceptron or squared_error are learned one against the rest, each logit
    towards +1 or -1; regression also by huber and mae. `quantiles` are the rising levels of
    the task of that name, without them 0.1, 0.5 and 0.9. `num_clusters` (without it 8) are what `task: clustering`
    looks for. `calibration` makes probabilities
    of classes from scores, fitted on the validation split after training: platt (without it where the loss is no
    cross_entropy) by a sigmoid for each class, temperature by one factor for all; metrics of the test split and the
    ONNX file have them. `threshold`: a label that rows get from a probability on
    which is chosen after training. `best_metric` decides which epoch is
    the best (the task's own choice without it). `top_k` adds the share of rows whose class is among the k likeliest.
    In mixed precision the network computes in 16 bits while weights, loss and optimizer stay float32.

    `freeze` are patterns of names of layers that are not trained, `unfreeze` says which of them are from a later epoch
    on. Training stops when the mean loss of a rank's batch is not finite, or more than `max_loss_growth` times the
    lowest one so far (or times 1 where that is less); null is no bound. The default is beyond what training comes back
    from, and what outliers bring about: with classes a million nats for every row, with squared errors a thousand
    deviations of the label.
    """

    task: TaskName | None = None
    num_clusters: int | None = Field(default=None, ge=2)
    network: str
    network_options: dict[str, Scalar] = Field(default_factory=dict)
    start: StartConfig | None = None
    freeze: tuple[str, ...] = ()
    unfreeze: tuple[UnfreezeConfig, ...] = ()
    num_ranks: int = Field(default=1, gt=0)
    launcher: Literal["in_process", "spark", "horovod_spark", "torch_ddp"] = "spark"
    batch_size: int = Field(default=32, gt=0)
    num_epochs: int = Field(default=10, gt=0)
    optimizer: OptimizerConfig = OptimizerConfig()
    quantiles: tuple[Annotated[float, Field(gt=0, lt=1)], ...] | None = None
    loss: LossName | None = None
    negatives: int = Field(default=32, gt=0)
    top_items: int = Field(default=10, gt=0, le=MAX_TOP_ITEMS)
    calibration: Literal["none", "platt", "temperature"] | None = None
    threshold: ThresholdConfig | None = None
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    sync_batch_norm: bool = False
    top_k: tuple[Annotated[int, Field(gt=0)], ...] = ()
    best_metric: str | None = None
    checkpoint: CheckpointConfig = CheckpointConfig()
    early_stopping_epochs: int | None = Field(default=None, gt=0)
    max_loss_growth: float | None = Field(default=1e6, gt=1)
    seed: int = 0
    feed: FeedConfig = FeedConfig()
    report_every_steps: int = Field(default=50, gt=0)
    timeout_seconds: int = Field(default=3600, gt=0)

    @model_validator(mode="after")
    def _check_quantiles(self) -> TrainConfig:
        if self.quantiles is None:
            return self
        if self.task != "quantiles":
            raise ValueError("quantiles go with `task: quantiles`")
        if not self.quantiles or list(self.quantiles) != sorted(set(self.quantiles)):
            raise ValueError(f"quantiles must rise, got {', '.join(map(str, self.quantiles)) or 'none'}")
        return self

    @model_validator(mode="after")
    def _check_clusters(self) -> TrainConfig:
        if self.num_clusters is not None and self.task != "clustering":
            raise ValueError("num_clusters goes with `task: clustering`")
        return self

    @model_validator(mode="after")
    def _check_unfreeze(self) -> TrainConfig:
        if self.unfreeze and not self.freeze:
            raise ValueError("unfreeze goes with freeze: without it all layers are trained from the start")
        late = next((stage for stage in self.unfreeze if stage.epoch > self.num_epochs), None)
        if late is not None:
            raise ValueError(
                f"unfreeze of {', '.join(late.layers)} in epoch {late.epoch} never comes: num_epochs is "
                f"{self.num_epochs}"
            )
        return self
