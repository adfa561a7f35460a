"""What the training loop and the export ask of a framework; everything else about it stays inside its folder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy as np

    from dbx_dl.config import OptimizerConfig, UnfreezeConfig
    from dbx_dl.contracts import Batch, Ranking, TaskName
    from dbx_dl.frameworks.freezing import FrozenStage
    from dbx_dl.frameworks.gradients import Gradients
    from dbx_dl.runtime.ranks import RankPlace


@dataclass(frozen=True)
class Catalog:
    """The users and items that a network recommends for and of.

    A row has `num_user_columns` ids of its user below `num_user_ids`, 0 for unknown. `item_ids` has for each column of
    the items an id below its entry of `num_item_ids` for every item. Items of the history are not recommended where it
    `excludes_seen`.
    """

    num_user_columns: int
    num_user_ids: int
    excludes_seen: bool
    item_ids: tuple[tuple[int, ...], ...] = ()
    num_item_ids: tuple[int, ...] = ()


@dataclass(frozen=True)
class NetworkRequest:
    """What a network is built for.

    `network` is a name in NETWORKS or `package.module:function`; `input_shape` is one row's shape, (H, W, C) for uint8
    pixels, (K,) for float32 features, (T,) for int32 ids of tokens, of which there are `num_tokens`, padding (0) among
    them; of (K,) features the first `num_text_steps` are such ids; (S,) for int16 samples of recordings, of which a
    second has `sample_rate`, or (T, K + 1) for float32 numbers by step, the last of which is 1 for steps and 0 for
    padding. The network returns logits of shape (N, num_outputs), with `num_frames` as many for each step. `grid` are
    rows and columns of cells where it gives some numbers for each cell of an image. One that writes sequences gives
    num_outputs / 2 ids of `num_words`, and then their probabilities. With a `catalog` the first ids of a row are of its
    user, and those behind them, of tokens, are items.
    """

    network: str
    options: dict[str, str | int | float | bool]
    input_shape: tuple[int, ...]
    input_dtype: str
    num_outputs: int
    seed: int
    num_tokens: int = 0
    num_frames: int = 0
    grid: tuple[int, int] | None = None
    num_words: int = 0
    num_text_steps: int = 0
    catalog: Catalog | None = None
    sample_rate: int = 0

    @property
    def is_text(self) -> bool:
        """Whether a row is the ids of a text and nothing else, so that it ends in padding."""
        return self.num_tokens > 0 and not self.num_text_steps


@dataclass(frozen=True)
class Penalty:
    """What is added to the loss of every row, by the values of the layer called `layer`, times `weight`.

    standard_normal: the values (N, 2 K) are means and logarithms of variances; their Gaussians' Kullback-Leibler
    divergence from N(0, 1), summed over K and divided by the number of entries of a row (Kingma and Welling 2014).
    sparsity: of values (N, K) between 0 and 1, the divergence of each one's mean over the global batch from `target`, a
    share of rows in which it is to be 1, averaged over K (Ng, "Sparse autoencoder", 2011).
    """

    name: Literal["standard_normal", "sparsity"]
    layer: str
    weight: float
    target: float = 0.0


@dataclass(frozen=True)
class Pretraining:
    """Dense layers, by name, that learn one after the other as restricted Boltzmann machines before labels are used.

    Each is trained for `num_epochs` by contrastive divergence of `num_steps` Gibbs steps.
    """

    layers: tuple[str, ...]
    num_epochs: int
    num_steps: int


@dataclass(frozen=True)
class Clustering:
    """Centres among the values of the layer called `code`, which are weights of the layer `head` behind it.

    The head is a `cluster_layers.Centroids`, trained by squared distances to the nearest centre, or a
    `DiagonalMixture`, by the negative log likelihood; centres start by rows and `seed`. With a `decoder` of codes its
    reconstructions alone are learned for the first `num_epochs`. Then centres come in, with `weight`, and the code is
    learned on; that of a mixture stays, since it would raise the likelihood without bound by becoming small.
    """

    code: str
    head: str
    seed: int
    decoder: NetworkRequest | None = None
    weight: float = 1.0
    num_epochs: int = 0


@dataclass(frozen=True)
class ObjectiveRequest:
    """What a network is to learn, and in which numbers it computes.

    Outputs (N, num_outputs) are what the task says (`tasks.Task.network_gives`); a task that scales labels learns
    (label - label_center) / label_scale, a reconstruction depends on whether inputs `are_pixels`. `loss` is one of the
    task's losses other than the first; `label_smoothing` moves that share of the truth from the class to all classes
    alike (from a label to both of its values). `precision` is "float32", "mixed_bfloat16" or "mixed_float16"; with
    `sync_batch_norm` batch-norm uses the statistics of the global batch. With `has_sample_weights` metrics are weighted
    by those. `penalty` is added to the loss, `pretraining` comes before it; with an `adversary` the loss is what that
    network, which is trained in turns, makes of the outputs, with a `clustering` what centres are to rows. `quantiles`
    are the levels of the task of that name, `grid` is that of the network's request. `ranking` says how items are
    recommended, `negatives` how many of them are drawn for a row where a loss draws some.
    """

    task: TaskName = "multiclass"
    loss: str | None = None
    label_smoothing: float = 0.0
    label_center: float = 0.0
    label_scale: float = 1.0
    top_k: tuple[int, ...] = ()
    precision: str = "float32"
    sync_batch_norm: bool = False
    has_sample_weights: bool = False
    penalty: Penalty | None = None
    pretraining: Pretraining | None = None
    adversary: NetworkRequest | None = None
    clustering: Clustering | None = None
    are_pixels: bool = False
    quantiles: tuple[float, ...] = (0.1, 0.5, 0.9)
    grid: tuple[int, int] | None = None
    num_frames: int = 0
    ranking: Ranking | None = None
    negatives: int = 32
    num_clusters: int = 0


class Ranks(Protocol):
    """The collectives between ranks, on NumPy arrays; with one rank they return their argument."""

    @property
    def rank(self) -> int:
        """This rank's number, from 0."""

    @property
    def size(self) -> int:
        """Number of ranks."""

    def sum(self, values: np.ndarray) -> np.ndarray:
        """Element-wise float64 sum over ranks; same shape on every rank."""

    def gather_rows(self, rows: np.ndarray) -> np.ndarray:
        """Rows of all ranks in rank order, (sum of N, ...); N may differ between ranks, also be 0."""

    def broadcast(self, values: np.ndarray) -> np.ndarray:
        """Rank 0's values on every rank."""

    def close(self) -> None:
        """Leave the group; no collective may follow."""


class Measures(Protocol):
    """Which metrics an evaluation computes; it sees every row of a split once, gathered from all ranks."""

    def observe(self, batch: Batch, outputs: np.ndarray) -> dict[str, np.ndarray]:
        """What metrics need of a batch and the network's outputs for it: named arrays of one entry per row."""

    def measure(self, observed: Mapping[str, np.ndarray]) -> dict[str, float]:
        """Metrics of what was observed, over all rows; none where nothing was."""


class Objective(Protocol):
    """What one training step does, with which optimizers and which metrics; supervised training is the default one.

    The loop sees only these, so that adversarial or contrastive training are further objectives.
    """

    @property
    def measures(self) -> Measures:
        """What evaluation makes of `predict`."""

    def start_epoch(self, epoch: int) -> None:
        """Change what changes with an epoch, as layers that are trained from then on.

        Called before the first step of every epoch, and where training goes on in the midst of one: what was due in
        earlier epochs is to be done as well.
        """

    def train_step(self, batch: Batch, learning_rate: float) -> dict[str, float]:
        """One step on the global batch of which `batch` is this rank's share.

        Gradients are summed over ranks and divided by the global weight, over all batches of an optimizer step where
        that takes several. Returns this rank's sums of this batch: `weight`, and per metric the weighted sum over its
        rows, `loss` at least. Where metrics other than the loss have weights of their own, `sample_weight` is the sum
        of those.
        """

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        """The network's outputs float32 (N, num_outputs) in inference mode, logits for classes."""

    def synchronize_statistics(self) -> None:
        """Make ranks equal where training lets them differ: after each epoch, and before weights or states are saved.

        Gradients that wait for further batches are applied, moving statistics (batch-norm) averaged over ranks.
        """

    def broadcast_state(self) -> None:
        """Give every rank rank 0's weights and optimizer state."""

    def save_weights(self, path: Path) -> None:
        """Write the network's weights in a safe format; the suffix is `Framework.weights_suffix`."""

    def load_weights(self, path: Path, *, skip_mismatched: bool = False) -> None:
        """Read weights that `save_weights` wrote for the same network; DataError when they do not fit.

        With `skip_mismatched` those that fit are read, and the others stay as they are.
        """

    def read_state(self) -> dict[str, np.ndarray]:
        """What all ranks share and a checkpoint keeps: all weights, optimizer slots and step counts."""

    def write_state(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Take over what `read_state` gave; DataError when it is of another network."""

    def read_noise(self) -> dict[str, np.ndarray]:
        """This rank's own random states."""

    def write_noise(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Take over what `read_noise` gave."""


@runtime_checkable
class LooksAtRows(Protocol):
    """An objective that looks at rows of the train split before an epoch begins, to start or mend what it learns.

    However large rows are, it sees `least_rows` of those that it wants.
    """

    least_rows: int

    def count_rows(self, epoch: int) -> int:
        """How many rows it wants to see before the first step of this epoch; 0 for none."""

    def look_at(self, inputs: np.ndarray) -> None:
        """See rows (N, ...), the same on every rank, in any order; afterwards all ranks have the same weights."""


class Framework(Protocol):
    """One deep-learning framework; the packages `frameworks.keras` and `frameworks.torch` are its implementations."""

    NETWORKS: dict[str, Any]
    weights_suffix: str

    def connect_ranks(self, place: RankPlace) -> Ranks:
        """Join the Horovod group that `place` describes; SetupError when Horovod is absent or lacks the binding."""

    def seed_process(self, seed: int, num_threads: int) -> None:
        """Make this process deterministic and bound its threads; call before the network is built."""

    def build_network(self, request: NetworkRequest) -> Any:
        """A new network with seeded weights; ConfigError when the name or an option is unknown."""

    def freeze_network(
        self, network: Any, patterns: Sequence[str], stages: Sequence[UnfreezeConfig] = ...
    ) -> tuple[FrozenStage, ...]:
        """Freeze layers by name, and find what each stage will unfreeze, for `create_objective`.

        ConfigError for a pattern that matches none, or when nothing is left to train.
        """

    def create_objective(
        self,
        network: Any,
        optimizer: OptimizerConfig,
        ranks: Ranks,
        request: ObjectiveRequest = ...,
        stages: Sequence[FrozenStage] = ...,
    ) -> Objective:
        """The objective that the request names; without a request softmax cross-entropy on the network's logits."""

    def export_network(
        self, network: Any, request: NetworkRequest, path: Path, opset: int, embeddings: str | None = None
    ) -> None:
        """Write the network as ONNX: one input `inputs` (N, ...), one output `logits` (N, num_outputs), N free.

        With the name of a layer in `embeddings` a second output `embedding` (N, K).
        """

    def set_kernel(self, network: Any, name: str, kernel_kl: np.ndarray) -> None:
        """Let the dense layer `name`, which has no bias, compute x W, for W float32 (K, L)."""

    def predict_embeddings(self, network: Any, name: str, inputs: np.ndarray) -> np.ndarray:
        """A layer's values float32 (N, K) in inference mode; ConfigError, with the names there are, for no layer."""

    def open_gradients(self, network: Any, request: NetworkRequest) -> Gradients:
        """Gradients by a network's inputs, of texts by their tokens' vectors; ConfigError when there are none."""

    def read_activations(
        self, network: Any, request: NetworkRequest, layer: str | None, rows: np.ndarray, outputs: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """A layer's values (N, H, W, C) for images, and the gradients of the outputs (N,) by them.

        Without a name it is the last convolution. ConfigError for a layer that is not there or gives no images.
        """

    def describe_versions(self) -> dict[str, str]:
        """Versions of the framework, of Horovod where it is installed, and of what the numbers depend on."""
