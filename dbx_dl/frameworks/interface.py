"""What the training loop and the export ask of a framework; everything else about it stays inside its folder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy as np

    from dbx_dl.config import OptimizerConfig
    from dbx_dl.contracts import Batch
    from dbx_dl.runtime.ranks import RankPlace


@dataclass(frozen=True)
class NetworkRequest:
    """What a network is built for.

    `network` is a name in NETWORKS or `package.module:function`; `input_shape` is one row's shape, (H, W, C) for
    uint8 pixels or (K,) for float32 features; the network returns logits of shape (N, num_outputs).
    """

    network: str
    options: dict[str, str | int | float | bool]
    input_shape: tuple[int, ...]
    input_dtype: str
    num_outputs: int
    seed: int


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


class Objective(Protocol):
    """What one training step does, with which optimizers; supervised training is the default one.

    The loop sees only these methods, so that adversarial or contrastive training are further objectives.
    """

    def train_step(self, batch: Batch, learning_rate: float) -> dict[str, float]:
        """One optimizer step on the global batch of which `batch` is this rank's share.

        Gradients are summed over ranks and divided by the global weight. Returns this rank's sums: `weight`, and
        per metric the weighted sum over its rows, `loss` at least.
        """

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        """Logits float32 (N, num_outputs) in inference mode."""

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

    def freeze_network(self, network: Any, patterns: Sequence[str]) -> None:
        """Freeze layers by name; ConfigError for a pattern that matches none, or when nothing is left to train."""

    def create_objective(self, network: Any, optimizer: OptimizerConfig, ranks: Ranks) -> Objective:
        """The supervised objective: softmax cross-entropy on the network's logits."""

    def export_network(self, network: Any, request: NetworkRequest, path: Path, opset: int) -> None:
        """Write the network as ONNX: one input `inputs` (N, ...), one output `logits` (N, num_outputs), N free."""

    def describe_versions(self) -> dict[str, str]:
        """Versions of the framework, of Horovod where it is installed, and of what the numbers depend on."""
