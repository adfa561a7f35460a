"""What training, export, registration and scoring return."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from dbx_dl.contracts.contract import Contract, FileDigest
from dbx_dl.contracts.inputs import InputSpec, Target
from dbx_dl.contracts.secret_texts import HiddenUri
from dbx_dl.contracts.tables import PreparedTable, TableVersion

CalibrationMethod = Literal["platt", "temperature"]
OutputKind = Literal[
    "probabilities", "value", "values", "pixels", "boxes", "mask", "frames", "tokens", "items", "clusters", "embedding"
]
Precision = Literal["float32", "float16", "int8"]


class EpochMetrics(Contract):
    """One epoch, averaged over ranks and weighted by rows; metric names are `<split>_<metric>`."""

    model_config = ConfigDict(ser_json_inf_nan="constants")

    epoch: int
    metrics: dict[str, float]
    seconds: float
    rows_per_second: float


class Calibration(Contract):
    """What makes probabilities of a network's scores of classes z: by class slope z + offset.

    platt: then a sigmoid each, divided by the row's sum; temperature: then a softmax.
    """

    method: CalibrationMethod
    slopes: tuple[float, ...]
    offsets: tuple[float, ...]


class Threshold(Contract):
    """Rows get `label` from this `probability` on, others their likeliest other label.

    precision, recall and f1 of the label are those on the rows that it was chosen on.
    """

    label: str
    probability: float
    precision: float
    recall: float
    f1: float


class TrainedModel(Contract):
    """A trained network: what rebuilds it, its weights, and what it reached.

    `tracking_uri` says where its MLflow run is, without user and password: a client is opened with the config's own.
    """

    prepared: PreparedTable
    framework: Literal["keras", "torch"]
    network: str
    network_options: dict[str, str | int | float | bool]
    weights: FileDigest
    directory: str
    run_id: str
    tracking_uri: HiddenUri
    num_ranks: int
    batch_size: int
    seed: int
    history: tuple[EpochMetrics, ...]
    best_epoch: int
    metrics: dict[str, float]
    rows_per_second: float
    versions: dict[str, str]
    num_restarts: int = 0
    calibration: Calibration | None = None
    threshold: Threshold | None = None


class TensorInfo(Contract):
    """Name, element type and shape (None: free) of one input or output of an ONNX file."""

    name: str
    dtype: str
    shape: tuple[int | None, ...]


class ModelMetadata(Contract):
    """What travels inside an ONNX file of ours, as JSON under the metadata key `dbx_dl`.

    `inputs` are the fitted columns or how an image is decoded, `inputs_sha256` their `digest`; `target` holds the
    task and the label names. A regression's network gives (label - label_center) / label_scale, which the file
    turns back; scores of classes become probabilities by `calibration`, without one by a softmax; `threshold` decides
    about a label. `embeddings`
    names the inner layer whose values are a further output, `variant` how the network's numbers are written.
    """

    inputs: InputSpec
    target: Target
    table: TableVersion
    framework: str
    network: str
    run_id: str
    opset: int
    versions: dict[str, str]
    label_center: float = 0.0
    label_scale: float = 1.0
    calibration: Calibration | None = None
    # Left out where there is none, so that earlier versions read what they know.
    threshold: Threshold | None = Field(default=None, exclude_if=lambda threshold: threshold is None)
    embeddings: str | None = None
    inputs_sha256: str = ""
    variant: str = "plain"


class Parity(Contract):
    """How far the ONNX file's outputs are from the original network's on held-out rows.

    Differences are of probabilities, of values in units of the label's scale (of a count: of the rate, where that is
    above 1), and of embeddings alike. `share_equal_classes` is the share of rows with the same class or set of labels;
    for numbers, of rows within the tolerance.
    """

    num_rows: int
    max_abs_difference: float
    share_equal_classes: float
    tolerance: float


class Variant(Contract):
    """One way of writing the network's numbers, measured beside the others: metrics of the test split, size, speed.

    `metric_loss` is how much worse the deciding metric is than the plain file's: the difference, of errors and losses
    relative to the plain file's value. `latency_ms` are milliseconds per call by batch size. `reason` says why a
    variant is not kept; what could not be measured then is empty.
    """

    name: str
    precision: Precision
    metrics: dict[str, float] = Field(default_factory=dict)
    metric_loss: float | None = None
    size_bytes: int | None = None
    latency_ms: dict[int, float] = Field(default_factory=dict)
    max_abs_difference: float | None = None
    is_kept: bool = False
    is_chosen: bool = False
    reason: str = ""


class OnnxModel(Contract):
    """One self-contained ONNX file, preprocessing inside, checked against the network it came from.

    `size_bytes` counts the file and what weights lie beside it, `latency_ms` are milliseconds per call by batch size on
    one core. `variants` is the table of those that were asked for, the plain file first.
    """

    trained: TrainedModel
    file: FileDigest
    size_bytes: int
    opset: int
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    parity: Parity
    metrics: dict[str, float]
    latency_ms: dict[int, float] = Field(default_factory=dict)
    variants: tuple[Variant, ...] = ()


class Comparison(Contract):
    """An ONNX file beside the network that it came from, on this machine and one core.

    `parity` is that of held-out rows; `file_ms` and `network_ms` are milliseconds per call by batch size, of the
    file's graph and of the network in its framework, on rows that are decoded (of a table: encoded by the file itself,
    for the network before).
    """

    framework: str
    parity: Parity
    file_ms: dict[int, float]
    network_ms: dict[int, float]


class RegisteredModel(Contract):
    """A version of a model in the MLflow registry."""

    onnx: OnnxModel
    name: str
    version: int
    uri: str


class ScoredTable(Contract):
    """Predictions written to a Delta table: what it holds now, and what the last run did to it.

    `selection` is how that run chose rows: whole, change feed or input hash; `num_written` rows were scored (None: as
    many as there are) and `num_removed` taken out.
    """

    table: TableVersion
    source: str
    model_name: str
    model_version: int | None
    model_sha256: str
    num_rows: int
    num_errors: int
    error_reasons: dict[str, int]
    seconds: float
    selection: str = "whole"
    num_written: int | None = None
    num_removed: int = 0

    @property
    def rows_per_second(self) -> float:
        """Rows scored and written per second of wall time, session and model start included."""
        num_rows = self.num_rows if self.num_written is None else self.num_written
        return num_rows / self.seconds if self.seconds else 0.0
