"""The frozen values that stages hand each other; every persisted one is a small JSON file beside its run."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dbx_dl.errors import DataError

if TYPE_CHECKING:
    import numpy as np

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")


class Contract(BaseModel):
    """A frozen value that survives a round trip through JSON; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the value as JSON, all or nothing, and return the file's path."""
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".{target.name}.partial")
        partial.write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")
        partial.replace(target)
        return target

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a value that `save` wrote; DataError when it is absent or is not such a value."""
        try:
            return cls.model_validate_json(Path(path).read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise DataError(f"{path} does not exist: run the stage that writes it first") from None
        except (ValidationError, json.JSONDecodeError) as error:
            raise DataError(f"{path} is not a {cls.__name__}: {str(error).splitlines()[0]}") from None


class TableVersion(Contract):
    """One version of one Delta table: `name` as SQL knows it (or its path), `path` where its files lie."""

    name: str
    path: str
    version: int


class ImageSpec(Contract):
    """What encoded image bytes become: uint8 pixels of shape (height, width, channels)."""

    kind: Literal["images"] = "images"
    column: str = "content"
    height: int = Field(gt=0)
    width: int = Field(gt=0)
    channels: Literal[1, 3]
    min_side: int = Field(default=1, gt=0)
    max_pixels: int = Field(default=50_000_000, gt=0)


class NumericFeature(Contract):
    """A float64 column: nulls and non-finite values become `fill`, then (x - center) / scale."""

    kind: Literal["numeric"] = "numeric"
    column: str
    fill: float
    center: float
    scale: float = Field(gt=0)


class CategoricalFeature(Contract):
    """A string column, one-hot encoded: slot 0 holds null, empty and unknown values, slot i `categories[i - 1]`."""

    kind: Literal["categorical"] = "categorical"
    column: str
    categories: tuple[str, ...]


Feature = Annotated[NumericFeature | CategoricalFeature, Field(discriminator="kind")]


class FeatureSpec(Contract):
    """The fitted encoding of a table's raw columns into float32 features of shape (N, num_encoded)."""

    kind: Literal["table"] = "table"
    features: tuple[Feature, ...]

    @property
    def num_encoded(self) -> int:
        """Width of the encoded row."""
        return sum(1 if f.kind == "numeric" else len(f.categories) + 1 for f in self.features)

    @property
    def columns(self) -> tuple[str, ...]:
        """Raw column names, in the order of the model's inputs."""
        return tuple(feature.column for feature in self.features)


InputSpec = Annotated[ImageSpec | FeatureSpec, Field(discriminator="kind")]


class Target(Contract):
    """What is learned: `label_index` in the table is the position of the label in `label_names`."""

    task: Literal["classification"] = "classification"
    column: str
    label_names: tuple[str, ...]


class PreparedTable(Contract):
    """A training-ready Delta table, pinned: key, inputs, `label`, `label_index` (int), `split` (partition)."""

    table: TableVersion
    rejects: TableVersion | None
    source: str
    key_column: str
    inputs: InputSpec
    target: Target
    split_rows: dict[Split, int]
    class_rows: dict[str, int]
    num_rejects: int
    reject_reasons: dict[str, int]

    @property
    def num_rows(self) -> int:
        """Rows in the table, over all splits."""
        return sum(self.split_rows.values())


class FileDigest(Contract):
    """A file and the SHA-256 of its bytes."""

    path: str
    sha256: str


class EpochMetrics(Contract):
    """One epoch, averaged over ranks and weighted by rows; metric names are `<split>_<metric>`."""

    epoch: int
    metrics: dict[str, float]
    seconds: float
    rows_per_second: float


class TrainedModel(Contract):
    """A trained network: what rebuilds it, its weights, and what it reached."""

    prepared: PreparedTable
    framework: Literal["keras", "torch"]
    network: str
    network_options: dict[str, str | int | float | bool]
    weights: FileDigest
    directory: str
    run_id: str
    tracking_uri: str
    num_ranks: int
    batch_size: int
    seed: int
    history: tuple[EpochMetrics, ...]
    best_epoch: int
    metrics: dict[str, float]
    rows_per_second: float
    versions: dict[str, str]


class TensorInfo(Contract):
    """Name, element type and shape (None: free) of one input or output of an ONNX file."""

    name: str
    dtype: str
    shape: tuple[int | None, ...]


class ModelMetadata(Contract):
    """What travels inside an ONNX file of ours, as JSON under the metadata key `dbx_dl`."""

    inputs: InputSpec
    target: Target
    table: TableVersion
    framework: str
    network: str
    run_id: str
    opset: int
    versions: dict[str, str]


class Parity(Contract):
    """How far the ONNX file's outputs are from the original network's on held-out rows."""

    num_rows: int
    max_abs_difference: float
    share_equal_classes: float
    tolerance: float


class OnnxModel(Contract):
    """One self-contained ONNX file, preprocessing inside, checked against the network it came from."""

    trained: TrainedModel
    file: FileDigest
    size_bytes: int
    opset: int
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    parity: Parity
    metrics: dict[str, float]


class RegisteredModel(Contract):
    """A version of a model in the MLflow registry."""

    onnx: OnnxModel
    name: str
    version: int
    uri: str


class Promotion(Contract):
    """Who is champion after a comparison on the same pinned rows, and why."""

    name: str
    metric: str
    values: dict[int, float]
    champion_version: int | None
    previous_version: int | None
    reason: str


class ScoredTable(Contract):
    """Predictions written to a Delta table, one row for every input row."""

    table: TableVersion
    source: str
    model_name: str
    model_version: int | None
    model_sha256: str
    num_rows: int
    num_errors: int
    error_reasons: dict[str, int]
    seconds: float

    @property
    def rows_per_second(self) -> float:
        """Rows scored and written per second of wall time, session and model start included."""
        return self.num_rows / self.seconds if self.seconds else 0.0


@dataclass(frozen=True)
class Batch:
    """One rank's share of one step.

    `inputs` are uint8 (N, H, W, C) pixels or float32 (N, K) features, `labels` int64 (N,), `weights` float32 (N,)
    with 0 for padding, `keys` the N row keys ("" for padding). Every batch of a feed has the same N.
    """

    inputs: np.ndarray
    labels: np.ndarray
    weights: np.ndarray
    keys: tuple[str, ...]
